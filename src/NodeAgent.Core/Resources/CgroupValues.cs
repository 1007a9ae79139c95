using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>One file of a cgroup v2 folder, what to write into it, and the controller that has to be enabled for it to exist.</summary>
public readonly record struct CgroupWrite(string File, string Value, string Controller);

/// <summary>
/// What the kernel is to enforce for one cgroup. Null leaves the kernel's default (no limit) in place.
/// Source of the files: the kernel's Documentation/admin-guide/cgroup-v2.rst.
/// </summary>
/// <param name="CpuWeight">1–10000.</param>
/// <param name="CpuQuota">Microseconds per <see cref="CpuUnits.Period"/>.</param>
/// <param name="MemoryMax">Bytes.</param>
/// <param name="MemoryOomGroup">An out-of-memory kill takes the whole cgroup, not one process of it.</param>
public sealed record CgroupValues(long? CpuWeight, long? CpuQuota, long? MemoryMax, bool MemoryOomGroup, long? PidsMax)
{
    private const string NoLimit = "max";

    public static CgroupValues None { get; } = new(null, null, null, false, null);

    /// <summary>The pod's own cgroup. Only a whole-pod limit is set here: with one container unlimited, the pod is.</summary>
    /// <param name="podPidsLimit">The node's setting; null for none.</param>
    public static CgroupValues ForPod(Pod pod, long? podPidsLimit)
    {
        string qos = QosClass.Of(pod);
        long request = qos == PodQosClass.BestEffort ? 0 : PodResources.Request(pod, ResourceName.Cpu);
        return new CgroupValues(
            CpuUnits.LinearWeight(CpuUnits.Shares(request)),
            PodResources.Limit(pod, ResourceName.Cpu) is { } cpu ? CpuUnits.Quota(cpu) : null,
            PodResources.Limit(pod, ResourceName.Memory),
            MemoryOomGroup: false,
            podPidsLimit);
    }

    /// <param name="singleProcessOomKill">The node's setting: an out-of-memory kill takes one process only.</param>
    public static CgroupValues ForContainer(ResourceRequirements? resources, bool singleProcessOomKill)
    {
        long? request = PodResources.Request(resources, ResourceName.Cpu);
        return new CgroupValues(
            CpuUnits.QuadraticWeight(CpuUnits.Shares(request ?? 0)),
            PodResources.Limit(resources, ResourceName.Cpu) is { } cpu ? CpuUnits.Quota(cpu) : null,
            PodResources.Limit(resources, ResourceName.Memory),
            MemoryOomGroup: !singleProcessOomKill,
            PidsMax: null);
    }

    /// <summary>The cgroup that holds all pods of a class: Burstable weighs as much as its pods ask for together, BestEffort as little as there is.</summary>
    public static CgroupValues ForQosClass(string qosClass, long sumOfCpuRequests) => None with
    {
        CpuWeight = CpuUnits.LinearWeight(qosClass == PodQosClass.Burstable ? CpuUnits.Shares(sumOfCpuRequests) : CpuUnits.MinShares),
    };

    /// <summary>The controllers that a pod's resources need on the node: cpu for a request or limit, memory and pids for a limit.</summary>
    public static IReadOnlyList<string> ControllersAskedFor(Pod pod, long? podPidsLimit)
    {
        var needed = new List<string>(3);
        IEnumerable<ResourceRequirements?> all = PodResources.All(pod).Select(container => container.Resources).Append(pod.Spec?.Resources);
        if (all.Any(resources => PodResources.Request(resources, ResourceName.Cpu) > 0)) needed.Add("cpu");
        if (all.Any(resources => PodResources.Limit(resources, ResourceName.Memory) > 0)) needed.Add("memory");
        if (podPidsLimit is not null) needed.Add("pids");
        return needed;
    }

    /// <summary>In the order to write them.</summary>
    public IEnumerable<CgroupWrite> Writes()
    {
        if (CpuWeight is { } weight) yield return new CgroupWrite("cpu.weight", Text(weight), "cpu");
        if (CpuQuota is { } quota) yield return new CgroupWrite("cpu.max", $"{Text(quota)} {Text(CpuUnits.Period)}", "cpu");
        if (MemoryMax is { } memory) yield return new CgroupWrite("memory.max", Text(memory), "memory");
        if (MemoryOomGroup) yield return new CgroupWrite("memory.oom.group", "1", "memory");
        if (PidsMax is { } pids) yield return new CgroupWrite("pids.max", Text(pids), "pids");
    }

    /// <summary>For a cgroup that may have had other values: what is null is set back to the kernel's default. Of processes and kills nothing is changed.</summary>
    public IEnumerable<CgroupWrite> Updates()
    {
        if (CpuWeight is { } weight) yield return new CgroupWrite("cpu.weight", Text(weight), "cpu");
        yield return new CgroupWrite("cpu.max", $"{(CpuQuota is { } quota ? Text(quota) : NoLimit)} {Text(CpuUnits.Period)}", "cpu");
        yield return new CgroupWrite("memory.max", MemoryMax is { } memory ? Text(memory) : NoLimit, "memory");
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
