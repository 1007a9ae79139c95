using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>Plans for pods of which nothing starts: those that are over, those that are deleted, and those that are held back.</summary>
internal static class EndPlan
{
    /// <summary>Terminating: kill, stop, remove the records; Terminated when nothing is left.</summary>
    public static PodPlan Delete(PodView view, PlanDraft draft, PodDeletion deletion)
    {
        if (view.Sandboxes.Count == 0 && view.Runs.Count == 0)
            return draft.Build(PodStage.Terminated);
        if (!KillNext(view, draft, KillReason.PodDeleted, Because(deletion.Reason)) || !StopSandboxes(view, draft, StopReason.PodDeleted))
            return draft.Build(PodStage.Terminating);

        // A sandbox takes the records of its runs along, so only runs without one are removed singly. The newest sandbox goes last, with the volumes.
        foreach (ContainerRun run in view.Runs.Where(run => view.Sandboxes.All(s => s.Id != run.Sandbox)))
        {
            if (!draft.Try(new RemoveContainer(run.Id, run.Name, RemoveReason.PodDeleted)))
                return draft.Build(PodStage.Terminating);
        }

        foreach (PodSandboxId id in view.Sandboxes.OrderBy(s => s.Attempt).Select(s => s.Id))
        {
            if (!draft.Try(new RemoveSandbox(id, RemoveReason.PodDeleted)))
                return draft.Build(PodStage.Terminating);
        }

        return draft.Build(PodStage.Terminating);
    }

    /// <summary>Finishing: end what still runs, stop the sandbox, keep the records that tell how it went.</summary>
    public static PodPlan Finish(PodView view, PlanDraft draft, KillReason kill, StopReason stop, string because)
    {
        bool over = KillNext(view, draft, kill, because) && StopSandboxes(view, draft, stop);
        if (over)
            Garbage.Collect(view, draft);
        bool nothingLeft = over && !view.Runs.Any(PodView.IsLive) && !view.Sandboxes.Any(s => NeedsStop(view, s));
        return draft.Build(nothingLeft ? PodStage.Finished : PodStage.Finishing);
    }

    /// <summary>
    /// Holding: end what runs, stop the sandbox; Held once the records of the runs are gone, so that the pod starts anew afterwards. The newest sandbox's record
    /// stays: the pod's volumes go with the last one.
    /// </summary>
    /// <param name="hold">Null when it was taken back before everything had ended: what was begun is carried to its end.</param>
    public static PodPlan Hold(PodView view, PlanDraft draft, PodHold? hold)
    {
        hold ??= PodHold.Drained;
        bool ends = hold.EndsRunning || view.Memory.Holding;
        draft.Memory = draft.Memory with { Holding = ends };
        bool over = !ends || (KillNext(view, draft, KillReason.PodHeld, hold.Message) && StopSandboxes(view, draft, StopReason.PodHeld));
        if (over && !view.Runs.Any(PodView.IsLive))
        {
            // The newest last: until it goes, the records tell how often its container was started and how long it has to wait.
            foreach (ContainerRun run in view.Runs.Reverse())
            {
                if (!draft.Try(new RemoveContainer(run.Id, run.Name, RemoveReason.PodHeld)))
                    break;
            }
        }

        WaitingReason reason = hold.Reason == PodHoldReason.NodeCordoned ? WaitingReason.NodeCordoned : WaitingReason.NodeDrained;
        foreach ((Container container, ContainerType type) in
            view.Inits.Select(c => (c, ContainerType.Init)).Concat(view.Mains.Select(c => (c, ContainerType.Regular))))
        {
            if (view.Newest(container.Name ?? "") is null)
                draft.Wait(new ContainerWait(container.Name ?? "", type, reason, hold.Message, null));
        }

        bool nothingLeft = view.Runs.Count == 0 && !view.Sandboxes.Any(s => NeedsStop(view, s));
        return draft.Build(nothingLeft ? PodStage.Held : PodStage.Holding);
    }

    /// <summary>A dead sandbox is stopped too, once, so that its network is released.</summary>
    public static bool NeedsStop(PodView view, PodSandbox sandbox) =>
        sandbox.State == PodSandboxState.Ready || !view.Memory.Stopped.Contains(sandbox.Id);

    private static bool StopSandboxes(PodView view, PlanDraft draft, StopReason reason)
    {
        foreach (PodSandbox sandbox in view.Sandboxes)
        {
            if (NeedsStop(view, sandbox) && !draft.Try(new StopSandbox(sandbox.Id, reason)))
                return false;
        }

        return true;
    }

    /// <summary>True when the kills planned now, if any, are all that are needed, so that the plan may go on to the sandbox.</summary>
    private static bool KillNext(PodView view, PlanDraft draft, KillReason reason, string because)
    {
        IReadOnlyList<ContainerRun> victims = TerminationDecision.Next(view, reason);
        return draft.Kill(victims, reason, because, run => Grace.Of(view, reason, run)) && victims.Count == view.Runs.Count(PodView.IsLive);
    }

    private static string Because(DeletionReason reason) => reason switch
    {
        DeletionReason.ManifestRemoved => "the pod's manifest was removed",
        DeletionReason.ManifestChanged => "the pod's manifest was changed",
        DeletionReason.DeletedByApi => "the pod was deleted",
        DeletionReason.Orphaned => "no source wants the pod",
        _ => "the node shuts down",
    };
}
