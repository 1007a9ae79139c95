namespace NodeAgent.Pods;

/// <summary>Reasons of a pod's events, as a Kubernetes node gives them.</summary>
public static class PodEvents
{
    public const string Pulling = "Pulling";
    public const string Pulled = "Pulled";
    public const string Created = "Created";
    public const string Started = "Started";
    public const string Killing = "Killing";
    public const string OOMKilling = "OOMKilling";
    public const string BackOff = "BackOff";
    public const string Failed = "Failed";
    public const string FailedCreatePodSandBox = "FailedCreatePodSandBox";
    public const string FailedKillPod = "FailedKillPod";
    public const string SandboxChanged = "SandboxChanged";
    public const string Unhealthy = "Unhealthy";
    public const string ProbeWarning = "ProbeWarning";
    public const string FailedPostStartHook = "FailedPostStartHook";
    public const string FailedPreStopHook = "FailedPreStopHook";
    public const string FailedManifest = "FailedManifest";
    public const string ResizeStarted = "ResizeStarted";
    public const string ResizeCompleted = "ResizeCompleted";
    public const string ResizeDeferred = "ResizeDeferred";
    public const string ResizeInfeasible = "ResizeInfeasible";
    public const string ResizeError = "ResizeError";
}
