using System.Collections.Immutable;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// What has to be remembered between two plans of one pod and is in no record of the runtime. Immutable; the pod worker keeps the newest.
/// Lost at a restart of the agent without harm: failed steps are then tried at once, and times are taken from the records.
///
/// Written by: PodPlanner.Plan (sightings, sentences, counts, the end), and by the worker after each action: <see cref="Failed"/>, <see cref="Succeeded"/>.
/// All times are steady time: the wall clock at the agent's start plus what a monotonic clock has counted since.
/// </summary>
/// <param name="PlannedAt">Time of the last plan, null before the first.</param>
/// <param name="Failures">Last error by <see cref="PodAction.Key"/>; gone when the step succeeds or may be tried again.</param>
/// <param name="ImagePulls">Pull back-off by image reference as the manifest writes it.</param>
/// <param name="Sightings">When each run was first seen, and first seen dead.</param>
/// <param name="Sentences">The runs that are being killed, since when the reason holds and when SIGKILL comes; a deadline only ever moves forward.</param>
/// <param name="Stopped">Sandboxes whose stop has succeeded: a dead one is stopped too, once, so that its network is released.</param>
/// <param name="RestartCounts">Highest attempt seen by container name: the count survives its records.</param>
/// <param name="StartTime">Since when this node has the pod: the earliest time that any record tells.</param>
/// <param name="Verdict">The pod failed as a whole.</param>
/// <param name="Holding">A hold has begun to end the pod, and the records of what it ended are still there: how those runs ended says nothing of the pod.</param>
/// <param name="Finished">All containers ended for good, seen once: nothing starts again, whatever happens to the records.</param>
public sealed record PlannerMemory(
    DateTimeOffset? PlannedAt,
    ImmutableDictionary<string, StepFailure> Failures,
    ImmutableDictionary<string, ImagePullBackoff> ImagePulls,
    ImmutableDictionary<ContainerId, RunSighting> Sightings,
    ImmutableDictionary<ContainerId, KillSentence> Sentences,
    ImmutableHashSet<PodSandboxId> Stopped,
    ImmutableDictionary<string, int> RestartCounts,
    DateTimeOffset? StartTime,
    PodVerdict? Verdict,
    bool Holding,
    bool Finished)
{
    /// <summary>Why the last step of a resize failed; null once the resize is through. Unlike the failure it stands while the step is tried again.</summary>
    public string? ResizeError { get; init; }

    public static readonly PlannerMemory Empty = new(
        null,
        ImmutableDictionary<string, StepFailure>.Empty,
        ImmutableDictionary<string, ImagePullBackoff>.Empty,
        ImmutableDictionary<ContainerId, RunSighting>.Empty,
        ImmutableDictionary<ContainerId, KillSentence>.Empty,
        ImmutableHashSet<PodSandboxId>.Empty,
        ImmutableDictionary<string, int>.Empty,
        null,
        null,
        false,
        false);

    /// <summary>What was kept still tells after a restart of the agent: that the pod is over or being ended and why, its counts, its start.</summary>
    /// <param name="logged">
    /// The last runs by container as the logs tell them, for what the status does not: see <see cref="KeptPod.NamesAllRuns"/>.
    /// </param>
    public static PlannerMemory Restore(KeptPod? kept, IReadOnlyDictionary<string, int>? logged = null)
    {
        if (kept?.Status is not { } status)
            return Empty;
        bool over = status.Phase is PodPhase.Succeeded or PodPhase.Failed;
        ImmutableDictionary<string, int>.Builder counts = ImmutableDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        foreach (ContainerStatus container in kept.Containers.Where(c => c.ContainerID is not null))
            counts[container.Name] = container.RestartCount;
        foreach ((string name, int run) in logged ?? ImmutableDictionary<string, int>.Empty)
            counts[name] = Math.Max(run, counts.GetValueOrDefault(name));
        return Empty with
        {
            RestartCounts = counts.ToImmutable(),
            StartTime = status.StartTime,
            Holding = !over && status.Reason == nameof(PodHoldReason.NodeDrained),
            Finished = over,
            Verdict = kept.Verdict,
        };
    }

    /// <summary>Nothing is known but which runs there have been, by container: what a reboot leaves of a pod.</summary>
    public static PlannerMemory After(IReadOnlyDictionary<string, int> lastRuns) =>
        lastRuns.Count == 0 ? Empty : Empty with { RestartCounts = lastRuns.ToImmutableDictionary(StringComparer.Ordinal) };

    /// <summary>The step failed. Image failures move the image's back-off, the others are tried again after <see cref="PlannerSettings.RetryPeriod"/>.</summary>
    public PlannerMemory Failed(PodAction action, StepFailureReason reason, string message, DateTimeOffset now, PlannerSettings settings)
    {
        PlannerMemory next = this;
        DateTimeOffset retryAt = now + settings.RetryPeriod;
        if (action is StartContainer { Container.Image: { } image } && reason is StepFailureReason.ErrImagePull or StepFailureReason.RegistryUnavailable)
        {
            ImagePullBackoff pull = ImagePullBackoff.AfterFailure(ImagePulls.GetValueOrDefault(image), reason, message, now, settings);
            next = next with { ImagePulls = ImagePulls.SetItem(image, pull) };
            retryAt = pull.Until;
        }

        if (action is ResizeSandbox or ResizeContainer)
            next = next with { ResizeError = message };
        return next with { Failures = Failures.SetItem(action.Key, new StepFailure(reason, message, now, retryAt)) };
    }

    /// <summary>The step succeeded: its last error is forgotten.</summary>
    public PlannerMemory Succeeded(PodAction action)
    {
        PlannerMemory next = this with { Failures = Failures.Remove(action.Key) };
        return action switch
        {
            StartContainer { Container.Image: { } image } => next with { ImagePulls = ImagePulls.Remove(image) },
            StopSandbox stop => next with { Stopped = Stopped.Add(stop.Id) },
            _ => next,
        };
    }

    /// <summary>An image arrived by another way (<c>podctl image load</c>): what waited for images is tried again at once.</summary>
    public PlannerMemory ForgetImageFailures() => this with
    {
        ImagePulls = ImmutableDictionary<string, ImagePullBackoff>.Empty,
        Failures = Failures.RemoveRange(Failures.Where(f => f.Value.Reason.IsImageFailure()).Select(f => f.Key)),
    };
}

/// <summary>When a run was first seen and first seen dead, in steady time: back-off is counted between these, so a wall clock that jumps moves nothing.</summary>
public sealed record RunSighting(DateTimeOffset Began, DateTimeOffset? Ended);

/// <param name="Deadline">When SIGKILL comes at the latest.</param>
public sealed record KillSentence(KillReason Reason, DateTimeOffset Deadline);

/// <param name="RetryAt">Not before this.</param>
public sealed record StepFailure(StepFailureReason Reason, string Message, DateTimeOffset At, DateTimeOffset RetryAt);

public enum StepFailureReason
{
    FailedCreatePodSandBox,
    InvalidImageName,
    ErrImagePull,
    ErrImageNeverPull,
    ImageInspectError,
    RegistryUnavailable,
    CreateContainerConfigError,
    CreateContainerError,
    RunContainerError,
    PostStartHookError,
    KillContainerError,
    KillPodSandboxError,
    RemoveError,
    ResizeError,
}

public static class StepFailureReasons
{
    public static bool IsImageFailure(this StepFailureReason reason) => reason is StepFailureReason.InvalidImageName or StepFailureReason.ErrImagePull
        or StepFailureReason.ErrImageNeverPull or StepFailureReason.ImageInspectError or StepFailureReason.RegistryUnavailable;

    public static StepFailureReason Of(ImageFailure failure) => failure switch
    {
        ImageFailure.InvalidImageName => StepFailureReason.InvalidImageName,
        ImageFailure.ErrImageNeverPull => StepFailureReason.ErrImageNeverPull,
        ImageFailure.ImageInspectError => StepFailureReason.ImageInspectError,
        ImageFailure.RegistryUnavailable => StepFailureReason.RegistryUnavailable,
        _ => StepFailureReason.ErrImagePull,
    };
}
