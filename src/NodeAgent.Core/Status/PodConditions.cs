using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Status;

/// <summary>
/// | condition                 | True when                                                                | reason otherwise |
/// | PodReadyToStartContainers | the newest sandbox is ready                                              | PodSandboxNotReady |
/// | Initialized               | init containers have exited with 0, sidecars started, or a main one ran  | ContainersNotInitialized |
/// | ContainersReady           | all main containers and sidecars are ready                               | ContainersNotReady, PodCompleted, PodFailed |
/// | Ready                     | ContainersReady, and all readiness gates True                            | the same, ReadinessGatesNotReady |
/// | PodScheduled              | the pod is not held back: it is on this node                             | Unschedulable |
/// | AllContainersRestarting   | a rule asked for it, the first has not been started again. Only with one | PodCompleted, PodFailed or none |
/// | DisruptionTarget          | shown only while True: the node ended the pod for its own sake           | TerminationByKubelet |
/// | ResourcesEnforced         | shown only while False: a limit was asked for that this kernel cannot set | ControllersMissing |
/// | PodResizePending          | shown only while True: other resources are wanted and not given          | Deferred, Infeasible |
/// | PodResizeInProgress       | shown only while True: given resources are not in force yet              | Error, when that failed |
///
/// Conditions that somebody else owns are carried along.
/// </summary>
internal static class PodConditions
{
    private static readonly HashSet<string> Own = new(StringComparer.Ordinal)
    {
        PodConditionType.PodReadyToStartContainers, PodConditionType.Initialized, PodConditionType.ContainersReady, PodConditionType.Ready,
        PodConditionType.PodScheduled, PodConditionType.ResourcesEnforced, PodConditionType.PodResizePending, PodConditionType.PodResizeInProgress,
        PodConditionType.DisruptionTarget, PodConditionType.AllContainersRestarting,
    };

    /// <param name="phase">Failed as soon as that is settled, though something may still run.</param>
    public static IReadOnlyList<PodCondition> Of(
        StatusInput input, string phase, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains)
    {
        PodCondition containersReady = ContainersReady(input, phase, inits, mains);
        List<PodCondition> conditions =
        [
            ReadyToStart(input),
            Initialized(input, phase, inits, mains),
            Ready(input, containersReady),
            containersReady,
            input.HeldBy is { } hold ? False(PodConditionType.PodScheduled, "Unschedulable", hold.Message) : True(PodConditionType.PodScheduled),
        ];
        if (PodResources.All(input.Desired.Pod).Any(RestartDecision.MayRestartAll))
            conditions.Add(Restarting(input, phase));
        if (input.Observed is { ResourcesEnforced: false } observed)
            conditions.Add(False(PodConditionType.ResourcesEnforced, "ControllersMissing", observed.ResourcesMessage));
        if (input.Desired.Resize is { } resize)
            conditions.Add(True(PodConditionType.PodResizePending) with { Reason = resize.Reason.ToString(), Message = resize.Message });
        if (input.Plan.Resizing)
            conditions.Add(Resizing(input.Plan.Memory.ResizeError) with { ObservedGeneration = input.Desired.Pod.Metadata?.Generation });
        if (input.Plan.Verdict is { Disruption: true } verdict)
            conditions.Add(True(PodConditionType.DisruptionTarget) with { Reason = "TerminationByKubelet", Message = verdict.Message });
        IEnumerable<PodCondition> others = (input.Previous?.Conditions ?? []).Where(c => !Own.Contains(c.Type));
        return [.. conditions.Select(c => Dated(input, c)), .. others];
    }

    private static PodCondition ReadyToStart(StatusInput input) => input.Sandbox is { State: PodSandboxState.Ready }
        ? True(PodConditionType.PodReadyToStartContainers)
        : False(PodConditionType.PodReadyToStartContainers, "PodSandboxNotReady", input.Sandbox is null ? "the pod has no sandbox" : "the pod's sandbox has stopped");

    private static PodCondition Initialized(StatusInput input, string phase, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains)
    {
        if (phase == PodPhase.Succeeded)
            return True(PodConditionType.Initialized) with { Reason = "PodCompleted" };
        string[] incomplete = [.. inits.Where((s, i) => !PodPhaseDecision.IsInitialized(input.Spec.InitContainers![i], s)).Select(s => s.Name)];
        return incomplete.Length == 0 || PodPhaseDecision.AnyStarted(mains)
            ? True(PodConditionType.Initialized)
            : False(PodConditionType.Initialized, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', incomplete)}]");
    }

    private static PodCondition ContainersReady(StatusInput input, string phase, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains)
    {
        if (phase == PodPhase.Succeeded)
            return False(PodConditionType.ContainersReady, "PodCompleted", null);
        if (phase == PodPhase.Failed)
            return False(PodConditionType.ContainersReady, "PodFailed", null);
        IEnumerable<ContainerStatus> sidecars = inits.Where((_, i) => PodView.IsSidecar(input.Spec.InitContainers![i]));
        string[] unready = [.. sidecars.Concat(mains).Where(s => !s.Ready).Select(s => s.Name)];
        return unready.Length == 0
            ? True(PodConditionType.ContainersReady)
            : False(PodConditionType.ContainersReady, "ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
    }

    private static PodCondition Ready(StatusInput input, PodCondition containersReady)
    {
        if (containersReady.Status != ConditionStatus.True)
            return containersReady with { Type = PodConditionType.Ready };
        List<string> unready = [];
        foreach (PodReadinessGate gate in input.Spec.ReadinessGates ?? [])
        {
            string? status = Find(input, gate.ConditionType ?? "")?.Status;
            if (status is null)
                unready.Add($"corresponding condition of pod readiness gate \"{gate.ConditionType}\" does not exist.");
            else if (status != ConditionStatus.True)
                unready.Add($"the status of pod readiness gate \"{gate.ConditionType}\" is not \"True\", but {status}");
        }

        return unready.Count == 0
            ? True(PodConditionType.Ready)
            : False(PodConditionType.Ready, "ReadinessGatesNotReady", string.Join(", ", unready));
    }

    private static PodCondition Restarting(StatusInput input, string phase) => phase switch
    {
        PodPhase.Succeeded => False(PodConditionType.AllContainersRestarting, "PodCompleted", null),
        PodPhase.Failed => False(PodConditionType.AllContainersRestarting, "PodFailed", null),
        _ when input.Plan.RestartingAll => True(PodConditionType.AllContainersRestarting) with
        {
            Reason = "RestartAllContainersStarted",
            Message = "container exited with restart policy rule",
        },
        _ => False(PodConditionType.AllContainersRestarting, null, null),
    };

    private static PodCondition Resizing(string? error) => error is null
        ? True(PodConditionType.PodResizeInProgress)
        : True(PodConditionType.PodResizeInProgress) with { Reason = "Error", Message = error };

    private static PodCondition Dated(StatusInput input, PodCondition condition)
    {
        PodCondition? before = Find(input, condition.Type);
        return condition with
        {
            ObservedGeneration = condition.ObservedGeneration ?? input.Generation,
            LastTransitionTime = before?.Status == condition.Status && before.LastTransitionTime is { } since ? since : input.Now,
        };
    }

    private static PodCondition? Find(StatusInput input, string type) => input.Previous?.Conditions?.FirstOrDefault(c => c.Type == type);

    private static PodCondition True(string type) => new() { Type = type, Status = ConditionStatus.True };

    private static PodCondition False(string type, string? reason, string? message) =>
        new() { Type = type, Status = ConditionStatus.False, Reason = reason, Message = message };
}
