using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Makes room before any pod has to go: the volumes of pods that are over and what dead containers wrote into their root file systems, then images that no pod
/// names or runs, longest unused first, until there is enough. What an evicted pod held is freed so, too. Called by the eviction loop's task alone.
/// </summary>
internal sealed class NodeReclaim(IPodRuntime runtime, ISnapshotter snapshots, ImageCollector images)
{
    /// <param name="states">Everything the node has, pods that are over included.</param>
    /// <param name="over">Those of them that are over for good.</param>
    /// <returns>Whether there is enough room now.</returns>
    public async Task<bool> FreeAsync(
        EvictionThreshold threshold, INodeStats stats, IReadOnlyList<PodRuntimeState> states, IReadOnlySet<PodUid> over, CancellationToken cancellationToken)
    {
        // Memory too: a volume may lie in it.
        foreach (var state in states.Where(state => over.Contains(state.Uid)))
            await runtime.RemovePodVolumesAsync(state.Uid, cancellationToken);
        bool onDisk = EvictionSignals.Condition(threshold.Signal) == NodeConditionType.DiskPressure;
        bool onImageFs = threshold.Signal is EvictionSignal.ImageFsAvailable or EvictionSignal.ImageFsInodesFree;
        if (!onDisk || (stats.ReadNode().DedicatedImageFs && !onImageFs))
            return IsRelieved();
        var there = (await snapshots.ListAsync(cancellationToken)).ToHashSet(StringComparer.Ordinal);
        foreach (var run in states.SelectMany(pod => pod.Containers).Where(run => run.State == ContainerRunState.Exited && there.Contains(run.Id.Value)))
            await snapshots.RemoveAsync(run.Id.Value, cancellationToken);
        await snapshots.WaitForDeletionsAsync(cancellationToken);
        return (await images.FreeAsync(IsRelieved, EvictionSignals.Name(threshold.Signal) + " is low", cancellationToken)).Enough;

        bool IsRelieved() => EvictionDecision.IsRelieved(threshold, stats.ReadNode());
    }
}
