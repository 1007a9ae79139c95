namespace NodeAgent.Core.Eviction;

/// <summary>What is left of something, and how much there is of it. Bytes, inodes or process numbers.</summary>
public readonly record struct SignalReading(long Available, long Capacity);

/// <summary>The node at one moment. A signal that cannot be had is absent, and its thresholds are not met.</summary>
/// <param name="DedicatedImageFs">Images and what containers write lie on another file system than volumes and logs.</param>
public sealed record NodeReadings(IReadOnlyDictionary<EvictionSignal, SignalReading> Signals, bool DedicatedImageFs);

/// <summary>What files take: blocks, not lengths, so that holes cost nothing.</summary>
public readonly record struct DiskUsage(long Bytes, long Inodes)
{
    public static DiskUsage operator +(DiskUsage a, DiskUsage b) => new(a.Bytes + b.Bytes, a.Inodes + b.Inodes);
}

/// <summary>What one running container uses now. What was not asked for or cannot be had is null.</summary>
/// <param name="MemoryBytes">Working set: usage without the file pages that nobody has used lately.</param>
/// <param name="Processes">Processes and threads.</param>
/// <param name="RootFs">What it wrote into its own root file system.</param>
public sealed record ContainerUsage(string Name, long? MemoryBytes, long? Processes, DiskUsage? RootFs, DiskUsage? Logs);

/// <summary>What one pod uses now.</summary>
/// <param name="Volumes">Of its emptyDir volumes on disk, by name; those in memory count as memory.</param>
public sealed record PodUsage(
    Cri.PodUid Uid, Model.Pod Pod, IReadOnlyList<ContainerUsage> Containers, IReadOnlyDictionary<string, DiskUsage> Volumes)
{
    public long Memory => Containers.Sum(container => container.MemoryBytes ?? 0);

    public long Processes => Containers.Sum(container => container.Processes ?? 0);

    /// <summary>Volumes and logs, and what containers wrote into their root file systems.</summary>
    public DiskUsage Disk(bool rootFs, bool volumesAndLogs)
    {
        DiskUsage sum = default;
        foreach (ContainerUsage container in Containers)
        {
            sum += rootFs ? container.RootFs ?? default : default;
            sum += volumesAndLogs ? container.Logs ?? default : default;
        }

        foreach (DiskUsage volume in Volumes.Values)
            sum += volumesAndLogs ? volume : default;
        return sum;
    }
}
