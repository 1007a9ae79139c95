using NodeAgent.Core.Admission;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Eviction;

/// <summary>
/// Who has to go first. Source: <c>pkg/kubelet/eviction/helpers.go</c>, <c>rankMemoryPressure</c>, <c>rankDiskPressureFunc</c>, <c>rankPIDPressure</c>.
///
/// Memory and disk: those that use more than they requested before those that do not; then the lower priority; then those that use most beyond their
/// request. Process numbers: the lower priority, then the most processes. What is equal in all of it keeps the order of the pods' names.
///
/// A kubelet evicts no static pod, for nothing would bring it back. Here every pod comes from a file, so that would mean evicting nobody and leaving the choice
/// to the kernel's OOM killer. Pods of the classes system-node-critical and system-cluster-critical are spared here too.
/// </summary>
public static class EvictionRanking
{
    /// <param name="pods">Those of which something runs.</param>
    /// <returns>The pods that may be evicted, first to go first.</returns>
    public static IReadOnlyList<PodUsage> Of(EvictionSignal signal, IEnumerable<PodUsage> pods, bool dedicatedImageFs)
    {
        IOrderedEnumerable<PodUsage> candidates = pods.Where(pod => !PodPriority.IsCritical(pod.Pod))
            .OrderBy(pod => signal == EvictionSignal.PidAvailable || Used(signal, pod, dedicatedImageFs) > Requested(signal, pod) ? 0 : 1)
            .ThenBy(pod => PodPriority.Of(pod.Pod))
            .ThenByDescending(pod => Used(signal, pod, dedicatedImageFs) - Requested(signal, pod));
        return [.. candidates.ThenBy(pod => pod.Pod.Metadata?.Namespace, StringComparer.Ordinal).ThenBy(pod => pod.Pod.Metadata?.Name, StringComparer.Ordinal)];
    }

    /// <summary>In the signal's unit.</summary>
    public static long Used(EvictionSignal signal, PodUsage pod, bool dedicatedImageFs) => signal switch
    {
        EvictionSignal.MemoryAvailable or EvictionSignal.AllocatableMemoryAvailable => pod.Memory,
        EvictionSignal.PidAvailable => pod.Processes,
        EvictionSignal.NodeFsAvailable => pod.Disk(rootFs: !dedicatedImageFs, volumesAndLogs: true).Bytes,
        EvictionSignal.NodeFsInodesFree => pod.Disk(rootFs: !dedicatedImageFs, volumesAndLogs: true).Inodes,
        EvictionSignal.ImageFsAvailable => pod.Disk(rootFs: true, volumesAndLogs: !dedicatedImageFs).Bytes,
        _ => pod.Disk(rootFs: true, volumesAndLogs: !dedicatedImageFs).Inodes,
    };

    /// <summary>Nobody can request files or process numbers.</summary>
    private static long Requested(EvictionSignal signal, PodUsage pod) => EvictionSignals.Resource(signal) switch
    {
        ResourceName.Memory => PodResources.Request(pod.Pod, ResourceName.Memory),
        ResourceName.EphemeralStorage => PodResources.Request(pod.Pod, ResourceName.EphemeralStorage),
        _ => 0,
    };
}
