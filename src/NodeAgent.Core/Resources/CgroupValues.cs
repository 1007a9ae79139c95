using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>One file of a cgroup v2 folder, what to write into it, and the controller that has to be enabled for it to exist.</summary>
/// <param name="Optional">The kernel may be built without the file, and then there is nothing to limit.</param>
public readonly record struct CgroupWrite(string File, string Value, string Controller, bool Optional = false);

/// <summary>At most this much memory in huge pages of one size, both in bytes.</summary>
public readonly record struct HugePageMax(long PageSize, long Limit);

/// <summary>
/// What the kernel is to enforce for one cgroup. Null leaves the kernel's default (no limit) in place.
/// Source of the files: the kernel's Documentation/admin-guide/cgroup-v2.rst. Source of the rules: the kubelet's <c>pkg/kubelet/cm</c> and
/// <c>pkg/kubelet/kuberuntime</c>.
/// </summary>
public sealed record CgroupValues
{
    private const string NoLimit = "max";

    public static CgroupValues None { get; } = new();

    /// <summary>1–10000.</summary>
    public long? CpuWeight { get; init; }

    /// <summary>Microseconds per <see cref="CpuUnits.Period"/>.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>Bytes.</summary>
    public long? MemoryMax { get; init; }

    /// <summary>Bytes; above them the kernel slows the cgroup down and reclaims.</summary>
    public long? MemoryHigh { get; init; }

    /// <summary>Bytes of swap, beside the memory.</summary>
    public long? SwapMax { get; init; }

    /// <summary>An out-of-memory kill takes the whole cgroup, not one process of it.</summary>
    public bool MemoryOomGroup { get; init; }

    public long? PidsMax { get; init; }

    public IReadOnlyList<HugePageMax> HugePages { get; init; } = [];

    /// <summary>The pod's own cgroup. Only a whole-pod limit is set here: with one container unlimited, the pod is.</summary>
    public static CgroupValues ForPod(Pod pod, CgroupSettings node)
    {
        string qos = QosClass.Of(pod);
        long request = qos == PodQosClass.BestEffort ? 0 : PodResources.Request(pod, ResourceName.Cpu);
        return new CgroupValues
        {
            CpuWeight = CpuUnits.LinearWeight(CpuUnits.Shares(request)),
            CpuQuota = PodResources.Limit(pod, ResourceName.Cpu) is { } cpu ? CpuUnits.Quota(cpu) : null,
            MemoryMax = PodResources.Limit(pod, ResourceName.Memory),
            SwapMax = node.Swap == SwapBehavior.NoSwap || qos != PodQosClass.Burstable ? 0 : null,
            PidsMax = node.PodPidsLimit,
            HugePages = HugePagesOf(node, resource => PodResources.Request(pod, resource)),
        };
    }

    /// <summary>One run of a container. What the pod as a whole is limited to counts for a container without a limit of its own.</summary>
    /// <param name="resources">The container's own, which may have changed since the pod was made.</param>
    public static CgroupValues ForContainer(Pod pod, ResourceRequirements? resources, CgroupSettings node)
    {
        long? cpu = PodResources.Limit(resources, ResourceName.Cpu) ?? PodResources.Limit(pod.Spec?.Resources, ResourceName.Cpu);
        long? memory = PodResources.Limit(resources, ResourceName.Memory) ?? PodResources.Limit(pod.Spec?.Resources, ResourceName.Memory);
        return new CgroupValues
        {
            CpuWeight = CpuUnits.QuadraticWeight(CpuUnits.Shares(PodResources.Request(resources, ResourceName.Cpu) ?? 0)),
            CpuQuota = cpu is { } milli ? CpuUnits.Quota(milli) : null,
            MemoryMax = memory,
            MemoryHigh = ThrottledAbove(PodResources.Request(resources, ResourceName.Memory) ?? 0, memory, node),
            SwapMax = SwapOf(pod, resources, node),
            MemoryOomGroup = !node.SingleProcessOomKill,
            HugePages = HugePagesOf(node, resource => PodResources.Limit(resources, resource) ?? 0),
        };
    }

    /// <summary>The cgroup that holds all pods of a class: Burstable weighs as much as its pods ask for together, BestEffort as little as there is.</summary>
    public static CgroupValues ForQosClass(string qosClass, long sumOfCpuRequests) => None with
    {
        CpuWeight = CpuUnits.LinearWeight(qosClass == PodQosClass.Burstable ? CpuUnits.Shares(sumOfCpuRequests) : CpuUnits.MinShares),
    };

    /// <summary>The controllers that a pod's resources need on the node: cpu for a request or limit, memory, hugetlb and pids for a limit.</summary>
    public static IReadOnlyList<string> ControllersAskedFor(Pod pod, CgroupSettings node)
    {
        var needed = new List<string>(4);
        ResourceRequirements?[] all = [.. PodResources.All(pod).Select(container => container.Resources), pod.Spec?.Resources];
        if (all.Any(resources => PodResources.Request(resources, ResourceName.Cpu) > 0)) needed.Add("cpu");
        if (all.Any(resources => PodResources.Limit(resources, ResourceName.Memory) > 0)) needed.Add("memory");
        if (all.Any(resources => resources?.Limits?.Any(limit => HugePageSize.IsResource(limit.Key) && limit.Value.Value > 0) == true)) needed.Add("hugetlb");
        if (node.PodPidsLimit is not null) needed.Add("pids");
        return needed;
    }

    /// <summary>In the order to write them into a cgroup that is new.</summary>
    public IEnumerable<CgroupWrite> Writes()
    {
        if (CpuWeight is { } weight) yield return new CgroupWrite("cpu.weight", Text(weight), "cpu");
        if (CpuQuota is not null) yield return CpuMax();
        if (MemoryMax is not null) yield return new CgroupWrite("memory.max", Text(MemoryMax), "memory");
        if (MemoryHigh is not null) yield return new CgroupWrite("memory.high", Text(MemoryHigh), "memory");
        if (SwapMax is not null) yield return new CgroupWrite("memory.swap.max", Text(SwapMax), "memory", Optional: true);
        if (MemoryOomGroup) yield return new CgroupWrite("memory.oom.group", "1", "memory");
        if (PidsMax is not null) yield return new CgroupWrite("pids.max", Text(PidsMax), "pids");
        foreach (CgroupWrite write in HugePageWrites()) yield return write;
    }

    /// <summary>For a cgroup that may have had other values: what is null is set back to the kernel's default. Of processes and kills nothing is changed.</summary>
    public IEnumerable<CgroupWrite> Updates()
    {
        if (CpuWeight is { } weight) yield return new CgroupWrite("cpu.weight", Text(weight), "cpu");
        yield return CpuMax();
        // First the limit that kills moves; throttling below it follows.
        yield return new CgroupWrite("memory.max", Text(MemoryMax), "memory");
        yield return new CgroupWrite("memory.high", Text(MemoryHigh), "memory");
        yield return new CgroupWrite("memory.swap.max", Text(SwapMax), "memory", Optional: true);
    }

    /// <summary>hugetlb is no part of what systemd sets: whoever uses its properties for the rest writes these.</summary>
    public IEnumerable<CgroupWrite> HugePageWrites() =>
        from pages in HugePages
        from file in (string[])["max", "rsvd.max"]
        select new CgroupWrite($"hugetlb.{HugePageSize.FileName(pages.PageSize)}.{file}", Text(pages.Limit), "hugetlb", Optional: true);

    private CgroupWrite CpuMax() => new("cpu.max", $"{Text(CpuQuota)} {Text(CpuUnits.Period)}", "cpu");

    private static long? ThrottledAbove(long request, long? limit, CgroupSettings node)
    {
        if (node.MemoryThrottlingFactor is not { } factor) return null;
        double high = request + factor * ((limit ?? node.AllocatableMemoryBytes) - request);
        long pages = (long)Math.Floor(high / node.PageSize) * node.PageSize;
        return pages > request && pages > 0 ? pages : null;
    }

    // A container whose request is its limit is not meant to be slowed down, and who asks for no memory has no claim to proportion.
    private static long? SwapOf(Pod pod, ResourceRequirements? resources, CgroupSettings node)
    {
        long request = PodResources.Request(resources, ResourceName.Memory) ?? 0;
        bool limited = node.Swap == SwapBehavior.LimitedSwap && QosClass.Of(pod) == PodQosClass.Burstable && !OomScore.IsCritical(pod)
            && request > 0 && request != PodResources.Limit(resources, ResourceName.Memory) && node.MemoryBytes > 0;
        return limited ? (long)((Int128)request * node.SwapBytes / node.MemoryBytes) : 0;
    }

    private static HugePageMax[] HugePagesOf(CgroupSettings node, Func<string, long> limit) =>
        [.. node.HugePageSizes.Select(size => new HugePageMax(size, limit(HugePageSize.ResourceOf(size))))];

    private static string Text(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? NoLimit;
}
