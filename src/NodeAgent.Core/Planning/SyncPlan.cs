using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>The plan for a pod that is to run: strays, sandbox, a restart of everything, a resize, init containers and sidecars, main containers, leftovers.</summary>
internal static class SyncPlan
{
    public static PodPlan Make(PodView view, PlanDraft draft)
    {
        draft.Resizing = ResizePlan.IsNeeded(view);
        if (!KillStrays(view, draft) || !StopReplacedSandboxes(view, draft))
            return Blocked(view, draft, null);

        SandboxDecision sandbox = SandboxDecision.Of(view);
        if (sandbox.Step == SandboxStep.Create)
        {
            if (view.NewestSandbox is { } dead && EndPlan.NeedsStop(view, dead) && !draft.Try(new StopSandbox(dead.Id, StopReason.SandboxDied)))
                return Blocked(view, draft, null);
            CreateSandbox create = new(PodSandboxId.For(view.Desired.Uid, sandbox.Attempt), sandbox.Attempt, sandbox.Reason);
            if (!draft.Try(create))
                return Blocked(view, draft, view.Memory.Failures.GetValueOrDefault(create.Key)?.Message);
            view = view with { Sandbox = create.Id };
        }

        if (view.Sandbox is not { } id || !KillEarlierRound(view, draft))
            return Blocked(view, draft, null);
        ResizePlan.Add(view, draft);
        StartEphemerals(view, draft, id);
        bool initialized = LookAfterInits(view, draft, id);
        if (initialized)
            LookAfterMains(view, draft, id);
        else
            WaitForInitialization(view, draft);
        Garbage.Collect(view, draft);
        return draft.Build(PodStage.Syncing);
    }

    private static bool KillStrays(PodView view, PlanDraft draft)
    {
        ContainerRun[] unknown = [.. view.Runs.Where(run => PodView.IsLive(run) && view.Specification(run.Name) is null)];
        ContainerRun[] older = [.. view.Runs.Where(run => PodView.IsLive(run) && view.Specification(run.Name) is not null && view.Newest(run.Name) != run)];
        return draft.Kill(unknown, KillReason.NotInManifest, "the manifest has no such container", run => Grace.Of(view, KillReason.NotInManifest, run))
            && draft.Kill(older, KillReason.Superseded, "a newer run of it exists", run => Grace.Of(view, KillReason.Superseded, run));
    }

    private static bool StopReplacedSandboxes(PodView view, PlanDraft draft)
    {
        foreach (PodSandbox sandbox in view.Sandboxes.Skip(1))
        {
            if (EndPlan.NeedsStop(view, sandbox) && !draft.Try(new StopSandbox(sandbox.Id, StopReason.SandboxDied)))
                return false;
        }

        return true;
    }

    /// <summary>True when nothing of an earlier restart round lives any more.</summary>
    private static bool KillEarlierRound(PodView view, PlanDraft draft)
    {
        if (!view.Runs.Any(run => PodView.IsLive(run) && run.Sandbox == view.Sandbox && view.Recorded(run).Round < view.Round))
            return true;
        const KillReason Reason = KillReason.RestartAllContainers;
        draft.Kill(
            TerminationDecision.Next(view, Reason), Reason, "a restart rule asks for all containers to start anew", run => Grace.Of(view, Reason, run));
        return false;
    }

    private static void StartEphemerals(PodView view, PlanDraft draft, PodSandboxId sandbox)
    {
        foreach (EphemeralContainer container in view.Ephemerals)
        {
            NextRun next = NextRun.Of(view, container, ContainerType.Ephemeral);
            if (next.Kind == NextRunKind.Start)
                draft.Start(sandbox, container, ContainerType.Ephemeral, next);
        }
    }

    private static bool LookAfterInits(PodView view, PlanDraft draft, PodSandboxId sandbox)
    {
        foreach (Container init in InitProgress.Due(view))
            LookAfter(view, draft, sandbox, init, ContainerType.Init);
        return InitProgress.IsInitialized(view);
    }

    private static void LookAfterMains(PodView view, PlanDraft draft, PodSandboxId sandbox)
    {
        foreach (Container main in view.Mains)
            LookAfter(view, draft, sandbox, main, ContainerType.Regular);
    }

    private static void LookAfter(PodView view, PlanDraft draft, PodSandboxId sandbox, Container container, ContainerType type)
    {
        NextRun next = NextRun.Of(view, container, type);
        if (next is { Kind: NextRunKind.Start })
            draft.Start(sandbox, container, type, next);
        else if (next is { Kind: NextRunKind.Running, Last: { } run } && Unfit(view, container, type, run) is var (reason, because))
            draft.Kill([run], reason, because, r => Grace.Of(view, reason, r));
    }

    /// <summary>Why a running container has to be killed and started again; null while it is as it should be.</summary>
    private static (KillReason Reason, string Because)? Unfit(PodView view, Container container, ContainerType type, ContainerRun run)
    {
        if (type == ContainerType.Init && !PodView.IsSidecar(container))
            return null;
        RunProbes probes = view.Probes.Of(run.Id);
        if (view.Recorded(run).Definition != view.Wanted(container).Definition)
            return (KillReason.DefinitionChanged, "its definition changed, it will be restarted");
        if (FailedItsHook(view, run))
            return (KillReason.PostStartHook, "its postStart hook failed");
        if (ResizePlan.RestartsFor(container, run))
            return (KillReason.Resized, "its resources change, and its resize policy asks for a restart");
        if (container.LivenessProbe is not null && probes.Liveness == false)
            return (KillReason.LivenessProbe, "it failed its liveness probe");
        if (container.StartupProbe is not null && probes.Startup == false)
            return (KillReason.StartupProbe, "it failed its startup probe");
        return null;
    }

    /// <summary>The error is forgotten after a while, which the kill may outlast.</summary>
    private static bool FailedItsHook(PodView view, ContainerRun run) =>
        view.Memory.Failures.GetValueOrDefault(StartContainer.StartKey(run.Name))?.Reason == StepFailureReason.PostStartHookError
        || view.Memory.Sentences.GetValueOrDefault(run.Id)?.Reason == KillReason.PostStartHook;

    private static void WaitForInitialization(PodView view, PlanDraft draft)
    {
        foreach (Container main in view.Mains)
            draft.Wait(new ContainerWait(main.Name ?? "", ContainerType.Regular, WaitingReason.PodInitializing, null, null));
    }

    /// <summary>A step that everything else builds on has failed lately: containers wait for it.</summary>
    private static PodPlan Blocked(PodView view, PlanDraft draft, string? message)
    {
        foreach ((Container container, ContainerType type) in view.Inits.Select(c => (c, ContainerType.Init)).Concat(view.Mains.Select(c => (c, ContainerType.Regular))))
        {
            if (view.Newest(container.Name ?? "") is null)
            {
                WaitingReason reason = view.Inits.Count > 0 ? WaitingReason.PodInitializing : WaitingReason.ContainerCreating;
                draft.Wait(new ContainerWait(container.Name ?? "", type, reason, message, null));
            }
        }

        return draft.Build(PodStage.Syncing);
    }
}
