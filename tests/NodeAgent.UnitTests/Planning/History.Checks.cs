using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;

namespace NodeAgent.UnitTests.Planning;

/// <summary>What must hold of the status after every plan, and of a pod at rest.</summary>
internal sealed partial class History
{
    private void CheckStatus(PodRuntimeState? observed)
    {
        PodStatus status = PodStatusBuilder.Build(_desire, observed, _plan!, _probes, _status, ["10.0.0.1"], Now);
        bool terminal = status.Phase is PodPhase.Succeeded or PodPhase.Failed;
        HistoryRuntime.Require(_status?.Phase is not (PodPhase.Succeeded or PodPhase.Failed) || status.Phase == _status.Phase, $"the phase goes from {_status?.Phase} to {status.Phase}");
        HistoryRuntime.Require(!_over || terminal || _plan!.Stage is not PodStage.Syncing, "a pod that was over goes on");
        _over |= _plan!.Stage is PodStage.Finishing or PodStage.Finished;
        HistoryRuntime.Require(_plan.Stage != PodStage.Finished || terminal, $"a finished pod shows {status.Phase}");
        HistoryRuntime.Require(terminal != true || _over || _desire.Deletion is not null, $"a pod that goes on shows {status.Phase}");
        foreach (ContainerStatus container in (status.ContainerStatuses ?? []).Concat(status.InitContainerStatuses ?? []))
        {
            int before = _restarts.GetValueOrDefault(container.Name);
            bool removed = _desire.Deletion is not null && observed?.Containers.Any(run => run.Name == container.Name) != true;
            HistoryRuntime.Require(removed || container.RestartCount >= before, $"the restart count of {container.Name} falls from {before} to {container.RestartCount}");
            _restarts[container.Name] = Math.Max(before, container.RestartCount);
            HistoryRuntime.Require(!container.Ready || container.Started == true || container.State?.Terminated is { ExitCode: 0 }, "ready but not started");
        }

        _status = status;
    }

    /// <summary>Nothing to do: then everything runs, is done, or waits for something that is named.</summary>
    private void CheckRest()
    {
        PodPlan plan = _plan!;
        foreach (ContainerWait wait in plan.Waits)
        {
            HistoryRuntime.Require(wait.Until is null || (plan.WakeAt is { } wake && wake <= wait.Until), $"nobody wakes for {wait.Container}");
            HistoryRuntime.Require(wait.Until is null || wait.Until > Now, $"{wait.Container} waits for the past");
            if (wait.Reason == WaitingReason.CrashLoopBackOff && _model.NotBefore(wait.Container) is { } at)
                HistoryRuntime.Require(Math.Abs((wait.Until!.Value - ObservedPod.At(at + _steadyOffset)).TotalSeconds) < 1e-3, $"{wait.Container} waits until {wait.Until}, not {at}");
        }

        PodPlan again = PodPlanner.Plan(_desire, _runtime.Observe(), plan.Memory, _probes, Now, PlannerSettings.Default);
        HistoryRuntime.Require(again.Actions.Count == 0 && again.WakeAt == plan.WakeAt && again.Stage == plan.Stage, "planning twice gives two answers");
        if (plan.Stage is PodStage.Terminating or PodStage.Finishing or PodStage.Holding)
            HistoryRuntime.Require(plan.WakeAt is not null, "an end is stuck");
        if (plan.Stage != PodStage.Syncing)
            return;

        CheckResized(plan);
        bool initializing = _runtime.Lives.Any(l => l.Live && l.Record.Type == ContainerType.Init) || plan.Waits.Any(w => w.Type == ContainerType.Init);
        foreach (Container main in _desire.Pod.Spec!.Containers!)
        {
            bool waits = plan.Waits.Any(w => w.Container == main.Name && (w.Until is not null || initializing || plan.WakeAt is not null));
            HistoryRuntime.Life? last = _runtime.NewestOf(main.Name!);
            HistoryRuntime.Require(
                waits || (last is not null && (last.Live || !_model.MustRestart(main, last))) || plan.Memory.Failures.Values.Any(f => f.RetryAt > Now),
                $"{main.Name} neither runs nor waits");
        }
    }

    /// <summary>At rest everything that runs has what was given, or the plan says that it does not and comes back to it.</summary>
    private void CheckResized(PodPlan plan)
    {
        bool all = _runtime.Newest is not { Ready: true } || ResizableResources.Same(_runtime.Recorded, _desire.Pod);
        foreach (Container container in PodResources.All(_desire.Pod).Where(c => ResizableResources.IsResizable(c, _desire.Pod.Spec!.InitContainers?.Contains(c) == true)))
            all &= _runtime.LiveOf(container.Name!) is not { } life || ResizableResources.Same(life.Record.Resources, container.Resources);
        HistoryRuntime.Require(all || plan.Resizing, "a resize is forgotten");
        HistoryRuntime.Require(all || plan.Memory.Failures.Values.Any(f => f.RetryAt > Now), "a resize is stuck");
    }
}
