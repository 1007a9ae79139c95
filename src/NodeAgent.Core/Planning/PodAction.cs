using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// One step of a plan. The executor switches over the eight kinds, does them in order and stops at the first that fails.
/// Each step is idempotent and carries the reason it is taken for.
/// </summary>
public abstract record PodAction
{
    private protected PodAction()
    {
    }

    /// <summary>Names the object the step is about, for the memory of failures: the same step planned again has the same key.</summary>
    public abstract string Key { get; }
}

/// <summary>Run a sandbox.</summary>
public sealed record CreateSandbox(PodSandboxId Id, int Attempt, SandboxReason Reason) : PodAction
{
    public override string Key => "sandbox";
}

/// <summary>Stop a sandbox: whatever still runs in it is killed without grace, its network is released, its records stay.</summary>
public sealed record StopSandbox(PodSandboxId Id, StopReason Reason) : PodAction
{
    public override string Key => "stop-sandbox/" + Id;
}

/// <summary>Remove a sandbox with its records. Only the last sandbox of a pod uid takes the pod's volumes with it.</summary>
public sealed record RemoveSandbox(PodSandboxId Id, RemoveReason Reason) : PodAction
{
    public override string Key => "remove-sandbox/" + Id;
}

/// <summary>Stop containers, all at the same time; the step is over when every one of them is dead.</summary>
public sealed record KillContainers(IReadOnlyList<ContainerKill> Kills) : PodAction
{
    public override string Key => "kill/" + string.Join(',', Kills.Select(k => k.Id.Value));
}

/// <param name="Reason">Why, typed; never absent.</param>
/// <param name="Message">Why, for the Killing event.</param>
/// <param name="Grace">
/// From now to SIGKILL, the preStop hook included; 0 kills at once. Planned again, it never reaches beyond the earlier deadline.
/// </param>
/// <param name="Container">Its specification, null when the manifest no longer has it: the hook and the stop signal come from here.</param>
public sealed record ContainerKill(ContainerId Id, string Name, KillReason Reason, string Message, TimeSpan Grace, Container? Container);

/// <summary>
/// Bring the image in, prepare the root filesystem, create and start one run of a container. Creating a run that is recorded already is no error:
/// then only what is missing is done.
/// </summary>
/// <param name="Sandbox">The sandbox it runs in; made earlier in the same plan when it was not there.</param>
/// <param name="Attempt">Restart count of this run: 0 for the first run of this name under this pod uid.</param>
/// <param name="Hash">From <see cref="ContainerHash"/>; goes into the run's record.</param>
/// <param name="RestartDelay">Goes into the run's record: the back-off from this run's end to the next start, see <see cref="RestartBackoff"/>.</param>
public sealed record StartContainer(
    PodSandboxId Sandbox,
    Container Container,
    ContainerType Type,
    int Attempt,
    string Hash,
    TimeSpan RestartDelay,
    StartReason Reason) : PodAction
{
    public string Name => Container.Name ?? "";
    public override string Key => StartKey(Name);

    public static string StartKey(string container) => "start/" + container;
}

/// <summary>Forget a dead run: its record and its root filesystem. Its log stays.</summary>
public sealed record RemoveContainer(ContainerId Id, string Name, RemoveReason Reason) : PodAction
{
    public override string Key => "remove/" + Id;
}

/// <summary>Have the pod's own cgroup enforce what this version of the pod asks for, and record that version.</summary>
public sealed record ResizeSandbox(PodSandboxId Id, Pod Pod) : PodAction
{
    public override string Key => "resize-sandbox/" + Id;
}

/// <summary>Have a running container's cgroup enforce other resources; its process does not notice.</summary>
/// <param name="Resources">All of them, not a difference.</param>
public sealed record ResizeContainer(ContainerId Id, string Name, ResourceRequirements? Resources) : PodAction
{
    public override string Key => "resize/" + Id;
}

public enum SandboxReason
{
    /// <summary>The pod has none.</summary>
    FirstSandbox,

    /// <summary>The last one is dead; every container starts anew in the next.</summary>
    SandboxDied,
}

public enum StopReason
{
    PodDeleted,

    /// <summary>Every container has ended and none will start again.</summary>
    PodFinished,
    DeadlineExceeded,
    PodFailed,

    /// <summary>The pod is held back: see <see cref="PodHold"/>.</summary>
    PodHeld,

    /// <summary>It died, or a newer one took its place: what is left of it is cleared before the next one is made.</summary>
    SandboxDied,
}

public enum StartReason
{
    FirstRun,

    /// <summary>The run is recorded but its process was never started: the same run is carried on.</summary>
    RunNotStarted,
    RestartPolicyAlways,
    RestartPolicyOnFailure,

    /// <summary>An entry of <c>restartPolicyRules</c> matched the exit code.</summary>
    RestartRule,

    /// <summary>The last run is lost: it has no exit record.</summary>
    StateUnknown,

    /// <summary>The specification differs from the one the last run was made from.</summary>
    DefinitionChanged,

    /// <summary>The sandbox is a new one, so every container starts anew.</summary>
    SandboxChanged,

    /// <summary>A container's restart rule asked for all containers of the pod to start anew.</summary>
    RestartAllContainers,

    /// <summary>A probe had it killed, and the pod's policy allows restarts.</summary>
    ProbeFailed,

    /// <summary>It was ended so that it starts with other resources, as its resizePolicy asks.</summary>
    Resized,
}

public enum KillReason
{
    PodDeleted,
    DeadlineExceeded,

    /// <summary>The pod was evicted, refused or otherwise failed as a whole.</summary>
    PodFailed,

    /// <summary>The pod is held back: see <see cref="PodHold"/>.</summary>
    PodHeld,

    /// <summary>All main containers have ended for good: sidecars and helpers go too.</summary>
    PodFinished,

    /// <summary>An init container failed and may not run again, so the pod has failed.</summary>
    InitContainerFailed,
    RestartAllContainers,
    DefinitionChanged,

    /// <summary>The manifest has no such container.</summary>
    NotInManifest,

    /// <summary>Its process cannot be accounted for: it is killed before another is started.</summary>
    StateUnknown,

    /// <summary>A newer run of the same container exists.</summary>
    Superseded,
    LivenessProbe,
    StartupProbe,

    /// <summary>Its postStart hook failed.</summary>
    PostStartHook,

    /// <summary>Its resources change, and its resizePolicy asks for a restart.</summary>
    Resized,
}

public enum RemoveReason
{
    PodDeleted,

    /// <summary>The pod was held back, and starts anew when it is not any more.</summary>
    PodHeld,

    /// <summary>A newer dead run of the same name tells the last state.</summary>
    Superseded,

    /// <summary>A newer sandbox exists and nothing in this one is needed any more.</summary>
    SandboxReplaced,
    NotInManifest,
}
