using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Pods;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A node whose resources a test sets. As on a real one memory and process numbers are free again when a pod has ended, its disk only when what it wrote is removed.
/// </summary>
public sealed class FakeNodeStats(FakePodRuntime runtime, FakePodRuntimeImages images) : INodeStats
{
    private readonly Dictionary<string, PodUse> _uses = new(StringComparer.Ordinal);

    /// <summary>What one pod uses, by its name.</summary>
    public sealed record PodUse(long Memory = 0, long Processes = 0, DiskUsage RootFs = default, DiskUsage Logs = default, IReadOnlyDictionary<string, DiskUsage>? Volumes = null);

    /// <summary>What there would be without any pod.</summary>
    public Dictionary<EvictionSignal, SignalReading> Idle { get; } = [];

    public bool DedicatedImageFs { get; set; }

    /// <summary>Bytes that are free on the image file system once something is reclaimed on the node.</summary>
    public Func<long> Reclaimed { get; set; } = () => 0;

    public int DiskWalks { get; private set; }

    public void Uses(string pod, PodUse use) => _uses[pod] = use;

    public NodeReadings ReadNode()
    {
        var signals = new Dictionary<EvictionSignal, SignalReading>();
        foreach (var (signal, idle) in Idle)
        {
            long used = signal switch
            {
                EvictionSignal.MemoryAvailable or EvictionSignal.AllocatableMemoryAvailable => Running().Sum(use => use.Memory),
                EvictionSignal.PidAvailable => Running().Sum(use => use.Processes),
                EvictionSignal.NodeFsInodesFree or EvictionSignal.ImageFsInodesFree => Written().Sum(disk => disk.Inodes),
                EvictionSignal.NodeFsAvailable when DedicatedImageFs => Written().Sum(disk => disk.Bytes),
                _ => Written().Sum(disk => disk.Bytes) + images.Occupied,
            };
            signals[signal] = idle with { Available = idle.Available - used + (signal is EvictionSignal.NodeFsAvailable or EvictionSignal.ImageFsAvailable ? Reclaimed() : 0) };
        }

        return new NodeReadings(signals, DedicatedImageFs);
    }

    public Task<IReadOnlyList<PodUsage>> ReadPodsAsync(IReadOnlyList<PodRuntimeState> pods, UsageKinds kinds, CancellationToken cancellationToken)
    {
        if (kinds.HasFlag(UsageKinds.Disk))
            DiskWalks++;
        List<PodUsage> usages = [];
        foreach (var pod in pods)
        {
            var use = Of(pod);
            ContainerUsage[] containers =
            [
                .. pod.Containers.Where(run => run.State == ContainerRunState.Running)
                    .Select(run => new ContainerUsage(run.Name, use.Memory, use.Processes, use.RootFs, use.Logs)).Take(1),
            ];
            if (containers.Length > 0)
                usages.Add(new PodUsage(pod.Uid, pod.Pod, containers, use.Volumes ?? new Dictionary<string, DiskUsage>()));
        }

        return Task.FromResult<IReadOnlyList<PodUsage>>(usages);
    }

    private IEnumerable<PodUse> Running() =>
        from state in runtime.Snapshot()
        where state.Containers.Any(run => run.State == ContainerRunState.Running)
        select Of(state);

    private IEnumerable<DiskUsage> Written()
    {
        foreach (var state in runtime.Snapshot())
        {
            var use = Of(state);
            yield return use.Logs;
            if (state.Containers.Any(run => images.TakesRoom(run.Id.Value)))
                yield return use.RootFs;
            if (runtime.Volumes.Contains(state.Uid))
            {
                foreach (var volume in use.Volumes?.Values ?? [])
                    yield return volume;
            }
        }
    }

    private PodUse Of(PodRuntimeState state) => _uses.GetValueOrDefault(state.Pod.Metadata!.Name!) ?? new PodUse();
}
