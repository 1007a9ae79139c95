using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Decides what to do next for one pod. A function of its arguments: no clock, no state, no effect. The pod's worker calls it after every event, every wish
/// and every wake-up, does the plan's actions in order, and asks again.
///
/// | the pod is                                         | stage                    | actions |
/// | deleted, something is left of it                   | Terminating              | kill by order and grace, stop the sandbox, remove the records |
/// | deleted, nothing is left                           | Terminated               | none |
/// | failed as a whole (deadline, eviction)             | Finishing, then Finished | kill by order and grace, stop the sandbox; the records stay |
/// | over: all main containers ended for good           | Finishing, then Finished | the same; sidecars end last |
/// | over: an init container failed for good            | Finishing, then Finished | the same |
/// | over: the sandbox died, nothing may be repeated    | Finishing, then Finished | the same |
/// | held back (drained node), or was and is not ended  | Holding, then Held       | kill by order and grace, stop the sandbox, remove the runs; volumes stay |
/// | none of these                                      | Syncing                  | sandbox, then init containers in order, then main containers |
///
/// Once over, over: the memory holds it, and the records lead to the same answer after a restart of the agent. Only deletion goes beyond.
///
/// Decisions, a file each: SandboxDecision, InitProgress, NextRun, RestartDecision, RestartBackoff, RestartRound, StartFailures, TerminationDecision, Grace,
/// Garbage, PodOutcome. SyncPlan and EndPlan put them together.
///
/// Invariants, which hold for every plan:
/// - a container is started only when no run of it lives, its predecessors have passed, and its back-off is over;
/// - every kill carries a reason, and a kill planned again never ends later than before;
/// - a plan without actions has a wake-up time, or only an event can change it.
/// </summary>
public static class PodPlanner
{
    /// <param name="observed">What the node has of the pod; null when it has nothing.</param>
    /// <param name="memory">From the last plan of this pod, with the outcomes of its actions; <see cref="PlannerMemory.Empty"/> before the first.</param>
    /// <param name="now">Steady time; never earlier than at the last plan.</param>
    public static PodPlan Plan(
        PodDesire desired, PodRuntimeState? observed, PlannerMemory memory, ProbeResults probes, DateTimeOffset now, PlannerSettings settings)
    {
        PodView view = PodView.Of(desired, observed, RunSightings.Update(memory, desired, observed, now, settings), probes, now, settings);
        if (desired.Deletion is { } deletion)
            return EndPlan.Delete(view, new PlanDraft(view), deletion);

        if (view.Desired.Hold is null && view.Memory.Holding && view.Runs.Count == 0)
            view = view with { Memory = view.Memory with { Holding = false } };
        view = Judge(view);
        PlanDraft draft = new(view);
        if (view.Memory.Verdict is { } verdict)
        {
            bool deadline = verdict.Reason == PodVerdict.DeadlineExceeded;
            return EndPlan.Finish(
                view, draft,
                deadline ? KillReason.DeadlineExceeded : KillReason.PodFailed,
                deadline ? StopReason.DeadlineExceeded : StopReason.PodFailed,
                verdict.Message);
        }

        if (view.Memory.Finished)
        {
            bool initFailed = PodOutcome.Of(view) is { Kind: PodOutcomeKind.InitFailed };
            return EndPlan.Finish(
                view, draft,
                initFailed ? KillReason.InitContainerFailed : KillReason.PodFinished,
                StopReason.PodFinished,
                initFailed ? "an init container failed and may not run again" : "all main containers of the pod have ended");
        }

        if (view.Desired.Hold is not null || view.Memory.Holding)
            return EndPlan.Hold(view, draft, view.Desired.Hold);
        if (Deadline(view) is { } at)
            draft.WakeAt(at);
        return SyncPlan.Make(view, draft);
    }

    /// <summary>Settles whether the pod is over, in the memory.</summary>
    private static PodView Judge(PodView view)
    {
        PlannerMemory memory = view.Memory;
        if (memory.Verdict is not null || memory.Finished)
            return view;
        if (view.Desired.Verdict is { } verdict)
            return view with { Memory = memory with { Verdict = verdict } };
        // What a hold has killed says nothing of how the pod would have ended.
        if (view.Memory.Holding)
            return view;
        if (PodOutcome.Of(view).Kind != PodOutcomeKind.Going)
            return view with { Memory = memory with { Finished = true } };
        if (view.Desired.Hold is not null)
            return view;
        if (Deadline(view) is { } deadline && deadline <= view.Now)
            return view with { Memory = memory with { Verdict = PodVerdict.ForDeadline(deadline) } };
        if (SandboxDecision.Of(view).Step == SandboxStep.GiveUp)
            return view with { Memory = memory with { Verdict = PodVerdict.ForSandbox(view.Now) } };
        return view;
    }

    private static DateTimeOffset? Deadline(PodView view) =>
        view.Spec.ActiveDeadlineSeconds is { } seconds && view.Memory.StartTime is { } start ? start + TimeSpan.FromSeconds(seconds) : null;
}
