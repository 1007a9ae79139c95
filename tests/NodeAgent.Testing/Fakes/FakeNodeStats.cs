using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Pods;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A node whose resources a test sets. What pods use counts against what is left only while something of them runs, so an eviction gives relief as on a real node.
/// </summary>
public sealed class FakeNodeStats(FakePodRuntime runtime) : INodeStats
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
            long used = Running().Sum(use => signal switch
            {
                EvictionSignal.MemoryAvailable or EvictionSignal.AllocatableMemoryAvailable => use.Memory,
                EvictionSignal.PidAvailable => use.Processes,
                EvictionSignal.NodeFsInodesFree or EvictionSignal.ImageFsInodesFree => use.RootFs.Inodes + use.Logs.Inodes + (use.Volumes?.Values.Sum(v => v.Inodes) ?? 0),
                _ => use.RootFs.Bytes + use.Logs.Bytes + (use.Volumes?.Values.Sum(v => v.Bytes) ?? 0),
            });
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
            var use = _uses.GetValueOrDefault(pod.Pod.Metadata!.Name!) ?? new PodUse();
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

    private IEnumerable<PodUse> Running() => _uses.Where(use => IsRunning(use.Key)).Select(use => use.Value);

    private bool IsRunning(string pod) => runtime.Snapshot().Any(state => state.Pod.Metadata?.Name == pod && state.Containers.Any(run => run.State == ContainerRunState.Running));
}
