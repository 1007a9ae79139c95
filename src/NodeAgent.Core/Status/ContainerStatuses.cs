using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Status;

/// <summary>
/// Container states.
///
/// | newest run        | the plan says it waits         | state                                             | lastState |
/// | none              | with a reason                  | waiting, that reason                              | from the previous status |
/// | none              | nothing                        | waiting: PodInitializing, ContainerCreating       | from the previous status |
/// | none, ran before  |                                | waiting; terminated: as before                    | terminated: ContainerStatusUnknown, 137 |
/// | recorded          | with an error                  | waiting, that error                               | the run before |
/// | recorded          | nothing                        | waiting: PodInitializing, ContainerCreating       | the run before |
/// | running           |                                | running                                           | the run before |
/// | exited            | back-off or an error           | waiting, that reason                              | terminated: this run |
/// | exited            | nothing: done, or about to run | terminated: this run                              | the run before |
/// | unknown           | likewise                       | terminated: ContainerStatusUnknown, 137; likewise | likewise |
///
/// started: runs, and its startup probe passed or it has none. ready: started, and its readiness probe says so or it has none. An ordinary init container is
/// ready when it has exited with 0. resources: what its cgroup enforces while it runs, else what it will start with; allocatedResources: what the node has given.
/// </summary>
internal static class ContainerStatuses
{
    private const string StatusUnknown = "ContainerStatusUnknown";

    public static IReadOnlyList<ContainerStatus> Of(
        StatusInput input, IReadOnlyList<Container> containers, ContainerType type, IReadOnlyList<ContainerStatus>? previous) =>
        [.. containers.Select(c => Of(input, c, type, previous?.FirstOrDefault(p => p.Name == c.Name)))];

    private static ContainerStatus Of(StatusInput input, Container container, ContainerType type, ContainerStatus? previous)
    {
        string name = container.Name ?? "";
        ContainerRun[] runs = [.. input.Runs.Where(r => r.Name == name)];
        int seen = Math.Max(previous?.RestartCount ?? 0, input.Plan.Memory.RestartCounts.GetValueOrDefault(name));
        if (runs.Length == 0)
            return WithoutRun(input, container, type, previous, seen);

        ContainerRun run = runs[0];
        ContainerState state = StateOf(run, input);
        ContainerState? last = runs.Skip(1).FirstOrDefault(r => r.State is ContainerRunState.Exited or ContainerRunState.Unknown) is { } before
            ? StateOf(before, input)
            : Remembered(previous, run);
        if (Wait(input, name) is { } wait && (state.Terminated is null || wait.Reason is not (WaitingReason.PodInitializing or WaitingReason.ContainerCreating)))
        {
            last = state.Terminated is null ? last : state;
            state = Waiting(wait);
        }

        RunProbes probes = input.Probes.Of(run.Id);
        bool running = state.Running is not null;
        bool ordinaryInit = type == ContainerType.Init && !PodView.IsSidecar(container);
        return new ContainerStatus
        {
            Name = name,
            State = state,
            LastState = last ?? new ContainerState(),
            Started = running && Readiness.IsStarted(container, probes),
            Ready = ordinaryInit ? state.Terminated is { ExitCode: 0 } : running && Readiness.IsReady(container, probes),
            RestartCount = Math.Max(run.Attempt, seen),
            Image = run.Image,
            ImageID = run.ImageId,
            ContainerID = run.Id.ToUri(),
            StopSignal = container.Lifecycle?.StopSignal,
            Resources = run.State is ContainerRunState.Running or ContainerRunState.Created ? run.Resources : container.Resources,
            AllocatedResources = container.Resources?.Requests,
        };
    }

    /// <summary>No record: either it never ran, or its records are lost. What was known of it stays known.</summary>
    private static ContainerStatus WithoutRun(StatusInput input, Container container, ContainerType type, ContainerStatus? previous, int seen)
    {
        ContainerState? last = previous?.LastState;
        if (previous?.State?.Terminated is not null && Wait(input, previous.Name) is null)
            return previous with { Ready = previous.Ready && type == ContainerType.Init };
        if (previous?.State?.Terminated is not null)
            last = new ContainerState { Terminated = previous.State.Terminated };
        else if (previous?.State?.Running is { } running)
            last = Lost(running.StartedAt, previous.ContainerID);

        ContainerState state = Wait(input, container.Name ?? "") is { } wait ? Waiting(wait) : Waiting(Unsaid(input), null);
        if (input.Desired.Deletion is not null && previous?.State?.Running is not null)
            (state, last) = (last!, previous.LastState);
        return new ContainerStatus
        {
            Name = container.Name ?? "",
            State = state,
            LastState = last ?? new ContainerState(),
            Started = false,
            Ready = false,
            RestartCount = seen,
            Image = container.Image ?? "",
            ImageID = previous?.ImageID ?? "",
            ContainerID = previous?.ContainerID,
            StopSignal = container.Lifecycle?.StopSignal,
            Resources = container.Resources,
            AllocatedResources = container.Resources?.Requests,
        };
    }

    private static ContainerWait? Wait(StatusInput input, string name) => input.Plan.Waits.FirstOrDefault(w => w.Container == name);

    /// <summary>What a container waits for when the plan says nothing.</summary>
    private static WaitingReason Unsaid(StatusInput input) => input.HasInits ? WaitingReason.PodInitializing : WaitingReason.ContainerCreating;

    private static ContainerState StateOf(ContainerRun run, StatusInput input) => run.State switch
    {
        ContainerRunState.Running => new ContainerState { Running = new ContainerStateRunning { StartedAt = run.StartedAt } },
        ContainerRunState.Created => Waiting(Unsaid(input), null),
        ContainerRunState.Exited => new ContainerState
        {
            Terminated = new ContainerStateTerminated
            {
                ExitCode = run.ExitCode,
                Signal = run.Signal == 0 ? null : run.Signal,
                Reason = run.Reason ?? (run.ExitCode == 0 ? "Completed" : "Error"),
                Message = run.Message,
                StartedAt = run.StartedAt,
                FinishedAt = run.FinishedAt,
                ContainerID = run.Id.ToUri(),
            },
        },
        _ => Lost(run.StartedAt, run.Id.ToUri(), run.Message, run.FinishedAt ?? input.Plan.Memory.Sightings.GetValueOrDefault(run.Id)?.Ended),
    };

    private static ContainerState Lost(DateTimeOffset? startedAt, string? id, string? message = null, DateTimeOffset? finishedAt = null) => new()
    {
        Terminated = new ContainerStateTerminated
        {
            ExitCode = 137,
            Reason = StatusUnknown,
            Message = message ?? "the container is gone, and nothing tells how it ended",
            StartedAt = startedAt,
            FinishedAt = finishedAt,
            ContainerID = id,
        },
    };

    /// <summary>The last state of the previous status, or its state if that was the end of an earlier run.</summary>
    private static ContainerState? Remembered(ContainerStatus? previous, ContainerRun run)
    {
        if (previous is null)
            return null;
        return previous.State?.Terminated is { } ended && ended.ContainerID != run.Id.ToUri()
            ? new ContainerState { Terminated = ended }
            : previous.LastState?.Terminated is { } before && before.ContainerID != run.Id.ToUri() ? previous.LastState : null;
    }

    private static ContainerState Waiting(ContainerWait wait) => Waiting(wait.Reason, wait.Message);

    private static ContainerState Waiting(WaitingReason reason, string? message) =>
        new() { Waiting = new ContainerStateWaiting { Reason = reason.ToString(), Message = message } };
}
