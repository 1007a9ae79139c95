using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>
/// <c>oom_score_adj</c> of containers, so that the kernel kills first what asked for least. Source: the kubelet's <c>pkg/kubelet/qos</c>.
/// </summary>
public static class OomScore
{
    public const int Agent = -999;

    /// <summary>The process that holds a sandbox: losing it would end every container of the pod.</summary>
    public const int Sandbox = -998;
    public const int Guaranteed = -997;
    public const int BestEffort = 1000;

    private const string NodeCritical = "system-node-critical";

    /// <param name="memoryCapacity">Bytes of memory of the node.</param>
    public static int ForContainer(Pod pod, Container container, long memoryCapacity)
    {
        if (IsCritical(pod)) return Guaranteed;
        string qos = QosClass.Of(pod);
        if (qos == PodQosClass.Guaranteed) return Guaranteed;
        if (qos == PodQosClass.BestEffort) return BestEffort;

        long share = RemainderPerContainer(pod);
        long request = PodResources.Add(MemoryRequest(container), share);
        if (PodResources.IsSidecar(container) && (pod.Spec?.Containers ?? []).Count > 0)
            request = Math.Max(request, PodResources.Add(pod.Spec!.Containers!.Min(MemoryRequest), share));
        long adjust = 1000 - (long)((Int128)1000 * request / Math.Max(memoryCapacity, 1));
        return (int)Math.Clamp(adjust, 3, 999);
    }

    internal static bool IsCritical(Pod pod) => pod.Spec?.PriorityClassName == NodeCritical;

    private static long MemoryRequest(Container container) => PodResources.Request(container.Resources, ResourceName.Memory) ?? 0;

    // What the pod as a whole asks for beyond its containers' own requests counts for all of them evenly.
    private static long RemainderPerContainer(Pod pod)
    {
        if (PodResources.Request(pod.Spec?.Resources, ResourceName.Memory) is not { } whole) return 0;
        var all = PodResources.All(pod).ToList();
        return Math.Max(0, whole - all.Select(MemoryRequest).Aggregate(0L, PodResources.Add)) / Math.Max(all.Count, 1);
    }
}
