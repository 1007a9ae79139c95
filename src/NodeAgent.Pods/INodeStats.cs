using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;

namespace NodeAgent.Pods;

[Flags]
public enum UsageKinds
{
    None = 0,
    Memory = 1,
    Processes = 2,

    /// <summary>Walks folders: as slow as they are large.</summary>
    Disk = 4,
}

/// <summary>
/// What the node has left and what pods use, measured when asked. What is gone by then, or cannot be had on this machine, is left out and no error.
/// Implementations: the daemon's (proc, cgroup files, file systems), and the one that tests set.
/// </summary>
public interface INodeStats
{
    /// <summary>Quick enough to be asked at any moment, under memory pressure too.</summary>
    NodeReadings ReadNode();

    /// <param name="pods">With the specification that counts now.</param>
    /// <returns>One for each pod that has a running container, with those that run.</returns>
    Task<IReadOnlyList<PodUsage>> ReadPodsAsync(IReadOnlyList<PodRuntimeState> pods, UsageKinds kinds, CancellationToken cancellationToken);
}
