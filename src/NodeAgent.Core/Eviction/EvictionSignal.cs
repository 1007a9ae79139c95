using System.Collections.Immutable;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Eviction;

/// <summary>What is watched of the node. The names in the configuration are the kubelet's: see <see cref="EvictionSignals.Name"/>.</summary>
public enum EvictionSignal
{
    /// <summary>Bytes: what is neither in use nor held by file pages that were used lately.</summary>
    MemoryAvailable,

    /// <summary>Bytes: what all pods together may still take below the limit that their cgroup has.</summary>
    AllocatableMemoryAvailable,

    /// <summary>Bytes of the file system with volumes and logs.</summary>
    NodeFsAvailable,
    NodeFsInodesFree,

    /// <summary>Bytes of the file system with images and what containers write beside their volumes.</summary>
    ImageFsAvailable,
    ImageFsInodesFree,

    /// <summary>How many processes and threads more the kernel would number.</summary>
    PidAvailable,
}

/// <summary>
/// | signal                     | resource in messages | node condition | who goes first |
/// | memory.available           | memory               | MemoryPressure | over its request, low priority, far over its request |
/// | allocatableMemory.available| memory               | MemoryPressure | the same |
/// | nodefs.available           | ephemeral-storage    | DiskPressure   | the same, by disk |
/// | nodefs.inodesFree          | inodes               | DiskPressure   | the same, by files |
/// | imagefs.available          | ephemeral-storage    | DiskPressure   | the same |
/// | imagefs.inodesFree         | inodes               | DiskPressure   | the same |
/// | pid.available              | pids                 | PIDPressure    | low priority, many processes |
/// </summary>
public static class EvictionSignals
{
    public const string Inodes = "inodes";
    public const string Pids = "pids";

    private static readonly ImmutableArray<(EvictionSignal Signal, string Name, string Resource, string Condition)> Table =
    [
        (EvictionSignal.MemoryAvailable, "memory.available", ResourceName.Memory, NodeConditionType.MemoryPressure),
        (EvictionSignal.AllocatableMemoryAvailable, "allocatableMemory.available", ResourceName.Memory, NodeConditionType.MemoryPressure),
        (EvictionSignal.NodeFsAvailable, "nodefs.available", ResourceName.EphemeralStorage, NodeConditionType.DiskPressure),
        (EvictionSignal.NodeFsInodesFree, "nodefs.inodesFree", Inodes, NodeConditionType.DiskPressure),
        (EvictionSignal.ImageFsAvailable, "imagefs.available", ResourceName.EphemeralStorage, NodeConditionType.DiskPressure),
        (EvictionSignal.ImageFsInodesFree, "imagefs.inodesFree", Inodes, NodeConditionType.DiskPressure),
        (EvictionSignal.PidAvailable, "pid.available", Pids, NodeConditionType.PidPressure),
    ];

    /// <summary>The names that a configuration may use. The pods' own memory follows from <c>memory.available</c>, as on every node.</summary>
    public static IReadOnlyList<string> Configurable { get; } =
        [.. Table.Where(row => row.Signal != EvictionSignal.AllocatableMemoryAvailable).Select(row => row.Name)];

    public static string Name(EvictionSignal signal) => Row(signal).Name;

    /// <summary>As messages and events call what is short.</summary>
    public static string Resource(EvictionSignal signal) => Row(signal).Resource;

    /// <summary>One of <see cref="NodeConditionType"/>.</summary>
    public static string Condition(EvictionSignal signal) => Row(signal).Condition;

    public static EvictionSignal? Find(string name) => Table.FirstOrDefault(row => row.Name == name) is { Name: not null } row ? row.Signal : null;

    public static bool IsMemory(EvictionSignal signal) => signal is EvictionSignal.MemoryAvailable or EvictionSignal.AllocatableMemoryAvailable;

    private static (EvictionSignal Signal, string Name, string Resource, string Condition) Row(EvictionSignal signal) => Table.First(row => row.Signal == signal);
}
