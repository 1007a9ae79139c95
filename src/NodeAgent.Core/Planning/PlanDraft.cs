using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Core.Planning;

/// <summary>A plan in the making. Lives within one call of the planner.</summary>
internal sealed class PlanDraft(PodView view)
{
    private readonly List<PodAction> _actions = [];
    private readonly List<ContainerWait> _waits = [];
    private DateTimeOffset? _wakeAt;

    public PlannerMemory Memory { get; set; } = view.Memory;

    /// <summary>Given resources are not in force everywhere yet.</summary>
    public bool Resizing { get; set; }

    public PodPlan Build(PodStage stage) =>
        new(stage, _actions, _wakeAt, _waits, Memory.Verdict, Resizing ? Memory : Memory with { ResizeError = null })
        {
            Resizing = Resizing,
            RestartingAll = stage == PodStage.Syncing && view.Runs.Count > 0 && view.Runs.All(run => view.Recorded(run).Round < view.Round),
        };

    /// <summary>Plan again at this time at the latest. A time that has come already is no reason to wake.</summary>
    public void WakeAt(DateTimeOffset at)
    {
        if (at > view.Now && (_wakeAt is null || at < _wakeAt))
            _wakeAt = at;
    }

    public void Wait(ContainerWait wait)
    {
        _waits.Add(wait);
        if (wait.Until is { } until)
            WakeAt(until);
    }

    /// <summary>Adds the step, or arms the wake-up and answers false while the same step's last failure is too young.</summary>
    public bool Try(PodAction action)
    {
        if (Memory.Failures.GetValueOrDefault(action.Key) is { } failure && failure.RetryAt > view.Now)
        {
            WakeAt(failure.RetryAt);
            return false;
        }

        _actions.Add(action);
        return true;
    }

    /// <summary>Adds a kill of all these runs at once and remembers their deadlines. False while an earlier try is too young.</summary>
    public bool Kill(IReadOnlyList<ContainerRun> runs, KillReason reason, string because, Func<ContainerRun, TimeSpan> grace)
    {
        if (runs.Count == 0)
            return true;
        List<ContainerKill> kills = [];
        foreach (ContainerRun run in runs)
        {
            DateTimeOffset deadline = view.Now + grace(run);
            if (Memory.Sentences.GetValueOrDefault(run.Id) is { } earlier && earlier.Deadline < deadline)
                deadline = earlier.Deadline;
            Memory = Memory with { Sentences = Memory.Sentences.SetItem(run.Id, new KillSentence(reason, deadline)) };
            TimeSpan left = deadline > view.Now ? deadline - view.Now : TimeSpan.Zero;
            kills.Add(new ContainerKill(run.Id, run.Name, reason, $"stopping container {run.Name}: {because}", left, view.Specification(run.Name)?.Container));
        }

        return Try(new KillContainers(kills));
    }

    /// <summary>Starts the container's next run, or says why it has to wait. True when a start is planned.</summary>
    public bool Start(PodSandboxId sandbox, Container container, ContainerType type, NextRun next)
    {
        string name = container.Name ?? "";
        ContainerHash wanted = view.Wanted(container);
        RunSighting? sighting = next.Last is { } run ? view.Memory.Sightings.GetValueOrDefault(run.Id) : null;
        RestartBackoff backoff = RestartBackoff.Of(next.Last, wanted, sighting, view.Settings);
        if (backoff.NotBefore is { } at && at > view.Now)
        {
            string message = $"back-off {GoDuration.Format(backoff.Delay)} restarting failed container={name} pod={view.Desired.DisplayName}";
            Wait(new ContainerWait(name, type, WaitingReason.CrashLoopBackOff, message, at, next.Last?.Id));
            return false;
        }

        if (StartFailures.WaitOf(view, container, type, next.Last) is { } wait)
        {
            Wait(wait);
            StartFailures.ArmReasonChange(this, view, container);
            return false;
        }

        // Nobody knows whether it still runs, unless its sandbox was stopped: then nothing in it does.
        if (next.Last is { State: ContainerRunState.Unknown } lost && lost.Sandbox == sandbox
            && !Kill([lost], KillReason.StateUnknown, "its state is unknown, and it is to be started again", run => Grace.Of(view, KillReason.StateUnknown, run)))
            return false;
        _actions.Add(new StartContainer(sandbox, container, type, Attempt(name, next.Last, wanted, sandbox), wanted.ToString(), backoff.NextDelay, next.Reason));
        return true;
    }

    /// <summary>The same run goes on if it was never started; else one more than any that was ever seen.</summary>
    private int Attempt(string name, ContainerRun? last, ContainerHash wanted, PodSandboxId sandbox)
    {
        int seen = view.Memory.RestartCounts.GetValueOrDefault(name, -1);
        bool carriesOn = last is { State: ContainerRunState.Created } && last.Attempt == seen
            && (last.Sandbox != sandbox || last.Hash == wanted.ToString());
        return carriesOn ? seen : seen + 1;
    }
}
