using System.Collections.Concurrent;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

/// <summary>
/// What the workers believe of the runtime: the last state each of them has observed. Written by a pod's own worker; read by the relist, which wakes the
/// workers whose belief differs from the listing.
/// </summary>
public sealed class PodCache(IPodRuntime runtime)
{
    private readonly ConcurrentDictionary<PodUid, PodRuntimeState?> _states = new();

    /// <summary>Asks the runtime and remembers the answer.</summary>
    public async Task<PodRuntimeState?> ObserveAsync(PodUid uid, CancellationToken cancellationToken)
    {
        var state = await runtime.PodStatusAsync(uid, cancellationToken);
        _states[uid] = state;
        return state;
    }

    public void Forget(PodUid uid) => _states.TryRemove(uid, out _);

    /// <summary>Whether a listed state says something else than what was observed last; a pod that was never observed differs.</summary>
    public bool Differs(PodUid uid, PodRuntimeState? listed)
    {
        if (!_states.TryGetValue(uid, out var believed))
            return true;
        if (believed is null || listed is null)
            return !ReferenceEquals(believed, listed);
        return !Levels(believed).SetEquals(Levels(listed));
    }

    private static HashSet<(string Id, int State, int ExitCode)> Levels(PodRuntimeState state) =>
    [
        .. state.Sandboxes.Select(sandbox => (sandbox.Id.Value, (int)sandbox.State, 0)),
        .. state.Containers.Select(run => (run.Id.Value, (int)run.State, run.ExitCode)),
    ];
}
