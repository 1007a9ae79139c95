using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// What to do for a pod now, and when to look again if nothing happens. Made by
/// <see cref="PodPlanner.Plan"/>.
/// </summary>
/// <param name="Stage">Where the pod is in its life.</param>
/// <param name="Actions">To be done in order; the first failure ends the plan. Empty means nothing is to be done now.</param>
/// <param name="WakeAt">Steady time at which to plan again even if nothing was seen to change; null when only an event can change the plan.</param>
/// <param name="Waits">Containers that should run and may not yet, with the reason their status shows.</param>
/// <param name="Verdict">The pod as a whole has failed; null while it has not.</param>
/// <param name="Memory">To be handed to the next plan of this pod, with the outcomes of the actions added.</param>
public sealed record PodPlan(
    PodStage Stage,
    IReadOnlyList<PodAction> Actions,
    DateTimeOffset? WakeAt,
    IReadOnlyList<ContainerWait> Waits,
    PodVerdict? Verdict,
    PlannerMemory Memory)
{
    /// <summary>Given resources are not in force everywhere yet. The last error of bringing them there is in the memory.</summary>
    public bool Resizing { get; init; }

    /// <summary>A restart rule has asked for all containers to start anew, and none has been yet.</summary>
    public bool RestartingAll { get; init; }
}

public enum PodStage
{
    /// <summary>Some container runs or is going to.</summary>
    Syncing,

    /// <summary>It is held back and something of it is still being ended.</summary>
    Holding,

    /// <summary>It is held back and nothing of it runs: it starts when it is held no longer.</summary>
    Held,

    /// <summary>Nothing will ever start again; what still runs is being ended. The pod stays visible.</summary>
    Finishing,

    /// <summary>Nothing runs and nothing will; its records stay until it is deleted.</summary>
    Finished,

    /// <summary>It is deleted and something is left of it.</summary>
    Terminating,

    /// <summary>It is deleted and nothing is left: forget it.</summary>
    Terminated,
}

/// <param name="Until">Steady time at which the wait is over by itself; null when it ends by an event (a predecessor's exit, the sandbox).</param>
/// <param name="Run">The dead run that is waited on, for a back-off.</param>
public sealed record ContainerWait(
    string Container,
    ContainerType Type,
    WaitingReason Reason,
    string? Message,
    DateTimeOffset? Until,
    ContainerId? Run = null);

/// <summary>Reasons of a waiting container; the names are what the status shows.</summary>
public enum WaitingReason
{
    ContainerCreating,
    PodInitializing,
    CrashLoopBackOff,
    ErrImagePull,
    ImagePullBackOff,
    ErrImageNeverPull,
    InvalidImageName,
    ImageInspectError,
    RegistryUnavailable,
    CreateContainerConfigError,
    CreateContainerError,
    RunContainerError,
    PostStartHookError,
    NodeDrained,
    NodeCordoned,
}
