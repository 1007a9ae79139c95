using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Under which pressure the node is, and since when. Written by the eviction loop; read by the admission of pods and by whoever shows the node.
/// </summary>
public sealed class NodeConditions(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _since = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _start = time.GetUtcNow();
    private volatile NodePressure _current = NodePressure.None;

    public NodePressure Current => _current;

    /// <returns>Whether anything changed.</returns>
    public bool Set(NodePressure pressure)
    {
        lock (_gate)
        {
            if (pressure == _current)
                return false;
            foreach (var (before, after) in _current.Conditions().Zip(pressure.Conditions()))
            {
                if (before.Status != after.Status)
                    _since[after.Type] = time.GetUtcNow();
            }

            _current = pressure;
            return true;
        }
    }

    /// <summary>As the node's status shows them; a heartbeat is the moment it is asked for.</summary>
    public IReadOnlyList<NodeCondition> Show()
    {
        lock (_gate)
        {
            return
            [
                .. _current.Conditions().Select(condition => condition with
                {
                    LastHeartbeatTime = time.GetUtcNow(),
                    LastTransitionTime = _since.GetValueOrDefault(condition.Type, _start),
                }),
            ];
        }
    }
}
