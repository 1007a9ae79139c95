using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups.Systemd;

/// <summary>What the service manager is told of a pod. Pure. Source: org.freedesktop.systemd1(5), systemd.resource-control(5), systemd.scope(5).</summary>
public static class UnitProperties
{
    /// <summary>Of version 253: older ones refuse it, and leave a scope alone after an OOM kill anyway.</summary>
    public const string OomPolicy = "OOMPolicy";

    private const ulong Infinity = ulong.MaxValue;
    private const ulong MicrosecondsPerSecond = 1_000_000;
    private const long DefaultGraceSeconds = 30;

    // The shim ends after the containers and writes down how.
    private const long MarginSeconds = 5;

    /// <summary>A new scope.</summary>
    /// <param name="agentUnit">
    /// The agent's own unit. Ordered before it, a pod is stopped after it when both stop, as at a shutdown; stopping the agent alone stops no pod. Null when the
    /// agent is no unit.
    /// </param>
    public static IReadOnlyList<BusProperty> OfScope(Pod pod, string slice, int shim, string? agentUnit, bool withOomPolicy, CgroupValues values)
    {
        long grace = Math.Clamp(pod.Spec?.TerminationGracePeriodSeconds ?? DefaultGraceSeconds, 1, int.MaxValue);
        List<BusProperty> properties =
        [
            new("Description", $"pod {pod.Metadata?.Namespace ?? "default"}/{pod.Metadata?.Name}"),
            new("Slice", slice),
            new("PIDs", (uint[])[(uint)shim]),
            // Everything below the scope is ours: the manager neither moves processes there nor writes files.
            new("Delegate", true),
            // A scope that failed (a stop that ran into its time limit) would else keep its name taken.
            new("CollectMode", "inactive-or-failed"),
            new("KillMode", "control-group"),
            new("SendSIGHUP", false),
            new("TimeoutStopUSec", (ulong)(grace + MarginSeconds) * MicrosecondsPerSecond),
        ];
        if (agentUnit is not null) properties.Add(new("Before", (string[])[agentUnit]));
        if (withOomPolicy) properties.Add(new(OomPolicy, "continue"));
        properties.AddRange(OfValues(values));
        return properties;
    }

    /// <summary>All the limits a unit can have, those without a value at infinity: the manager has defaults of its own (TasksMax).</summary>
    public static IReadOnlyList<BusProperty> OfValues(CgroupValues values) =>
    [
        new("CPUWeight", Number(values.CpuWeight)),
        new("CPUQuotaPerSecUSec", values.CpuQuota is { } quota ? (ulong)quota * MicrosecondsPerSecond / (ulong)CpuUnits.Period : Infinity),
        new("CPUQuotaPeriodUSec", (ulong)CpuUnits.Period),
        new("MemoryMax", Number(values.MemoryMax)),
        new("MemoryHigh", Number(values.MemoryHigh)),
        new("MemorySwapMax", Number(values.SwapMax)),
        new("TasksMax", Number(values.PidsMax)),
    ];

    /// <summary>Of the slice of a QoS class.</summary>
    public static IReadOnlyList<BusProperty> OfClass(string qosClass, long sumOfCpuRequests) =>
        [new("CPUWeight", Number(CgroupValues.ForQosClass(qosClass, sumOfCpuRequests).CpuWeight))];

    private static ulong Number(long? value) => value is { } limit ? (ulong)limit : Infinity;
}
