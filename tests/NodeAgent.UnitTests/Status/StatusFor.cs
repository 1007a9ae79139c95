using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;

namespace NodeAgent.UnitTests.Status;

/// <summary>Plans and builds the status from the plan, as the pod's worker does.</summary>
internal static class StatusFor
{
    public static PodStatus At(
        double seconds, PodDesire desire, ObservedPod? observed, PodStatus? previous = null, PlannerMemory? memory = null, ProbeResults? probes = null)
    {
        PodPlan plan = PlanFor.At(seconds, desire, observed, memory, probes);
        return PodStatusBuilder.Build(
            desire, observed?.Build(), plan, probes ?? ProbeResults.None, previous, ["192.0.2.7", "2001:db8::7"], ObservedPod.At(seconds));
    }

    public static PodStatus At(
        double seconds, Pod pod, ObservedPod? observed, PodStatus? previous = null, PlannerMemory? memory = null, ProbeResults? probes = null) =>
        At(seconds, PlanFor.Desire(pod), observed, previous, memory, probes);

    public static ContainerStatus Container(this PodStatus status, string name) =>
        (status.ContainerStatuses ?? []).Concat(status.InitContainerStatuses ?? []).Concat(status.EphemeralContainerStatuses ?? []).Single(c => c.Name == name);

    public static PodCondition Condition(this PodStatus status, string type) => status.Conditions!.Single(c => c.Type == type);

    /// <summary>A container's state in one line: <c>Waiting CrashLoopBackOff, last Error 1</c>.</summary>
    public static string Text(this ContainerStatus status)
    {
        string last = status.LastState?.Terminated is { } ended ? $", last {ended.Reason} {ended.ExitCode}" : "";
        return status.State switch
        {
            { Running: not null } => "Running" + last,
            { Terminated: { } terminated } => $"Terminated {terminated.Reason} {terminated.ExitCode}{last}",
            { Waiting: { } waiting } => $"Waiting {waiting.Reason}{last}",
            _ => "nothing" + last,
        };
    }
}
