using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// What a failed start means for the next one.
///
/// | failure                                   | next try                                      | shown as |
/// | ErrImagePull, RegistryUnavailable         | back-off of the image, 10 s … 300 s            | the error for one retry period, then ImagePullBackOff |
/// | ErrImageNeverPull, InvalidImageName, …    | every 10 s                                     | the error |
/// | CreateContainerConfigError, …CreateError  | every 10 s: there is no run to count back-off by | the error |
/// | RunContainerError, with an exit record    | the record is a run that failed: restart policy and restart back-off decide | CrashLoopBackOff |
/// | RunContainerError, no record of the exit  | every 10 s                                     | the error |
/// </summary>
internal static class StartFailures
{
    /// <summary>The wait that an earlier failed start imposes, null when the start may be tried.</summary>
    public static ContainerWait? WaitOf(PodView view, Container container, ContainerType type, ContainerRun? last)
    {
        string name = container.Name ?? "";
        if (container.Image is { } image && view.Memory.ImagePulls.GetValueOrDefault(image) is { } pull && pull.Until > view.Now)
            return ForPull(view, name, type, image, pull);

        if (view.Memory.Failures.GetValueOrDefault(StartContainer.StartKey(name)) is not { } failure || failure.RetryAt <= view.Now)
            return null;
        if (failure.Reason is StepFailureReason.RunContainerError or StepFailureReason.PostStartHookError && last is { State: ContainerRunState.Exited })
            return null;

        // The image has come by another container's pull.
        if (failure.Reason is StepFailureReason.ErrImagePull or StepFailureReason.RegistryUnavailable)
            return null;
        return new ContainerWait(name, type, Shown(failure.Reason), failure.Message, failure.RetryAt, last?.Id);
    }

    /// <summary>The reason shown for a pull moves from the error to the back-off while nothing happens: wake for it.</summary>
    public static void ArmReasonChange(PlanDraft draft, PodView view, Container container)
    {
        if (container.Image is { } image && view.Memory.ImagePulls.GetValueOrDefault(image) is { } pull && pull.Since + view.Settings.RetryPeriod < pull.Until)
            draft.WakeAt(pull.Since + view.Settings.RetryPeriod);
    }

    private static ContainerWait ForPull(PodView view, string name, ContainerType type, string image, ImagePullBackoff pull)
    {
        bool young = view.Now < pull.Since + view.Settings.RetryPeriod;
        return young
            ? new ContainerWait(name, type, Shown(pull.Reason), pull.Message, pull.Until)
            : new ContainerWait(name, type, WaitingReason.ImagePullBackOff, $"Back-off pulling image \"{image}\": {pull.Reason}: {pull.Message}", pull.Until);
    }

    private static WaitingReason Shown(StepFailureReason reason) => reason switch
    {
        StepFailureReason.InvalidImageName => WaitingReason.InvalidImageName,
        StepFailureReason.ErrImagePull => WaitingReason.ErrImagePull,
        StepFailureReason.ErrImageNeverPull => WaitingReason.ErrImageNeverPull,
        StepFailureReason.ImageInspectError => WaitingReason.ImageInspectError,
        StepFailureReason.RegistryUnavailable => WaitingReason.RegistryUnavailable,
        StepFailureReason.CreateContainerConfigError => WaitingReason.CreateContainerConfigError,
        StepFailureReason.RunContainerError => WaitingReason.RunContainerError,
        StepFailureReason.PostStartHookError => WaitingReason.PostStartHookError,
        _ => WaitingReason.CreateContainerError,
    };
}
