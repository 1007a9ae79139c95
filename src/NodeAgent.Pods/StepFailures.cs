using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Pods.Hooks;

namespace NodeAgent.Pods;

/// <summary>Which reason a failed step has in the pod's status, and which event it makes.</summary>
internal static class StepFailures
{
    public static StepFailureReason ReasonOf(PodAction action, Exception error) => action switch
    {
        CreateSandbox => StepFailureReason.FailedCreatePodSandBox,
        KillContainers => StepFailureReason.KillContainerError,
        StopSandbox => StepFailureReason.KillPodSandboxError,
        RemoveSandbox or RemoveContainer => StepFailureReason.RemoveError,
        ResizeSandbox or ResizeContainer => StepFailureReason.ResizeError,
        _ => error switch
        {
            HookException => StepFailureReason.PostStartHookError,
            ImageException image => StepFailureReasons.Of(image.Failure),
            PodRuntimeException { Failure: RuntimeFailure.CreateContainerConfigError } => StepFailureReason.CreateContainerConfigError,
            PodRuntimeException { Failure: RuntimeFailure.RunContainerError } => StepFailureReason.RunContainerError,
            _ => StepFailureReason.CreateContainerError,
        },
    };

    public static void Record(EventStore events, Pod pod, PodAction action, StepFailureReason reason, string message)
    {
        switch (action)
        {
            case CreateSandbox:
                events.Record(pod, EventType.Warning, PodEvents.FailedCreatePodSandBox, message);
                break;
            case KillContainers or StopSandbox:
                events.Record(pod, EventType.Warning, PodEvents.FailedKillPod, message);
                break;
            case ResizeSandbox or ResizeContainer:
                events.Record(pod, EventType.Warning, PodEvents.ResizeError, ResizeMessages.Error(pod, message));
                break;
            case StartContainer start:
                events.Record(pod, EventType.Warning, PodEvents.Failed, $"{reason}: {message}", start.Name);
                break;
        }
    }
}
