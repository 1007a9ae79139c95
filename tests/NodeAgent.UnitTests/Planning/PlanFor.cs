using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;

namespace NodeAgent.UnitTests.Planning;

/// <summary>Calls the planner with the arguments that a test does not care about filled in.</summary>
internal static class PlanFor
{
    public static PodDesire Desire(Pod pod) => new(new PodUid(pod.Metadata!.Uid!), pod, "/etc/podagent/test.yaml", ObservedPod.Start);

    public static PodDesire Deleted(Pod pod, double at, double grace) =>
        Desire(pod) with { Deletion = new PodDeletion(ObservedPod.At(at), TimeSpan.FromSeconds(grace), DeletionReason.ManifestRemoved) };

    public static PodPlan At(
        double seconds, PodDesire desire, ObservedPod? observed, PlannerMemory? memory = null, ProbeResults? probes = null, PlannerSettings? settings = null) =>
        PodPlanner.Plan(
            desire, observed?.Build(), memory ?? PlannerMemory.Empty, probes ?? ProbeResults.None, ObservedPod.At(seconds), settings ?? PlannerSettings.Default);

    public static PodPlan At(double seconds, Pod pod, ObservedPod? observed, PlannerMemory? memory = null, ProbeResults? probes = null, PlannerSettings? settings = null) =>
        At(seconds, Desire(pod), observed, memory, probes, settings);

    /// <summary>The plan in one line: what is done to what and why, e.g. <c>start app#1 RestartPolicyAlways</c>.</summary>
    public static string Text(this PodPlan plan) => string.Join("; ", plan.Actions.Select(Text));

    private static string Text(PodAction action) => action switch
    {
        CreateSandbox create => $"create sandbox {create.Attempt} {create.Reason}",
        StopSandbox stop => $"stop sandbox {stop.Id.Value[(stop.Id.Value.LastIndexOf('-') + 1)..]} {stop.Reason}",
        RemoveSandbox remove => $"remove sandbox {remove.Id.Value[(remove.Id.Value.LastIndexOf('-') + 1)..]} {remove.Reason}",
        KillContainers kill => "kill " + string.Join(" + ", kill.Kills.Select(k => $"{k.Id} {k.Reason} {k.Grace.TotalSeconds}s")),
        StartContainer start => $"start {start.Name}#{start.Attempt} {start.Reason}",
        ResizeSandbox resize => $"resize pod {Resources(resize.Pod.Spec!.Containers![0].Resources)}",
        ResizeContainer resize => $"resize {resize.Id} {Resources(resize.Resources)}",
        RemoveContainer remove => $"remove {remove.Id} {remove.Reason}",
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, null),
    };

    /// <summary>Limits of cpu and memory: <c>500m/64Mi</c>.</summary>
    private static string Resources(ResourceRequirements? resources) => Limit(resources, "cpu") + "/" + Limit(resources, "memory");

    private static string Limit(ResourceRequirements? resources, string name) =>
        resources?.Limits is { } limits && limits.TryGetValue(name, out Quantity limit) ? limit.ToString() : "-";

    public static string WaitText(this PodPlan plan) => string.Join("; ", plan.Waits.Select(w => $"{w.Container} {w.Reason}"));
}
