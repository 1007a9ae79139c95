using System.Threading.Channels;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Cri;

/// <summary>
/// The one wide seam between deciding and doing, in the verbs of the container runtime interface. Every verb is idempotent: doing it again after a crash,
/// a lost answer or a success gives the same state. What cannot be found counts as stopped and removed already.
/// Implementations: NodeAgent.Runtime (the kernel) and the behavioural fake of the tests; both pass the same contract suite.
/// </summary>
public interface IPodRuntime
{
    /// <summary>What the node can enforce and whether the runtime works.</summary>
    ValueTask<RuntimeStatus> StatusAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes the pod's cgroup, namespaces, network, hosts and resolv.conf files, volumes and the process that holds them. Returns when containers can start in it.
    /// Throws <see cref="PodRuntimeException"/>; a failure leaves nothing behind.
    /// </summary>
    Task<PodSandbox> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken cancellationToken);

    /// <summary>Kills whatever still runs in the sandbox, without grace, and releases its network. Its containers' records stay readable.</summary>
    Task StopPodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken);

    /// <summary>Stops it if need be and deletes everything it had but the logs: records, cgroup, volumes that belong to the pod.</summary>
    Task RemovePodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken);

    /// <summary>Bookkeeping only: writes the record of a container that is to run. Starts nothing.</summary>
    Task<ContainerId> CreateContainerAsync(ContainerConfig config, CancellationToken cancellationToken);

    /// <summary>
    /// Runs the container's process; returns when its first instruction is about to run (execve succeeded).
    /// A failure is recorded: the container is then Exited with code 128 and reason StartError.
    /// </summary>
    Task StartContainerAsync(ContainerId id, CancellationToken cancellationToken);

    /// <summary>
    /// Sends the stop signal, waits for the exit until the grace is over, then sends SIGKILL and waits. A second call with a shorter grace shortens the first.
    /// </summary>
    /// <param name="signal">Name (<c>SIGTERM</c>) or number of the stop signal; null takes the container's own.</param>
    Task StopContainerAsync(ContainerId id, TimeSpan grace, string? signal, CancellationToken cancellationToken);

    /// <summary>Kills it if it runs and forgets its record.</summary>
    Task RemoveContainerAsync(ContainerId id, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a container's cgroup enforce other cpu and memory values, its process running on; a run that has not been started gets them when it is. What is
    /// enforced stands in <see cref="ContainerRun.Resources"/> afterwards, also after the agent's restart. For a run that has ended nothing happens.
    /// The kernel bounds a container by its pod as well: who grows both changes the sandbox first, who shrinks both changes it last.
    /// </summary>
    /// <param name="resources">All of the container's resources, not a difference; null for none.</param>
    /// <exception cref="PodRuntimeException">
    /// MemoryLimitBelowUsage: the container uses more than the new memory limit, and nothing was changed. NotFound.
    /// </exception>
    Task UpdateContainerResourcesAsync(ContainerId id, ResourceRequirements? resources, CancellationToken cancellationToken);

    /// <summary>
    /// Makes the pod's own cgroup enforce what another version of the pod asks for, and records that version: <see cref="PodRuntimeState.Pod"/> is it from
    /// now on. Containers keep what they have. A sandbox that is not ready has no cgroup, only the record changes.
    /// </summary>
    /// <param name="pod">The whole pod, of the same uid and quality-of-service class.</param>
    /// <exception cref="PodRuntimeException">
    /// MemoryLimitBelowUsage: the pod uses more than the new memory limit. QosClassChanged. In both cases nothing was changed. NotFound.
    /// </exception>
    Task UpdatePodSandboxResourcesAsync(PodSandboxId id, Pod pod, CancellationToken cancellationToken);

    /// <summary>Everything there is on this node, as the runtime's records and processes say now.</summary>
    Task<IReadOnlyList<PodRuntimeState>> ListPodsAsync(CancellationToken cancellationToken);

    /// <summary>One pod as the records and processes say now, or null when the node has nothing of it.</summary>
    Task<PodRuntimeState?> PodStatusAsync(PodUid uid, CancellationToken cancellationToken);

    /// <summary>Hints that a pod's state moved, at once when it happens. Any of them may be lost or doubled: the reader looks at the state again.</summary>
    ChannelReader<RuntimeEvent> Events { get; }

    /// <summary>Runs a command in a running container with the caller's file descriptors.</summary>
    Task<IExecSession> ExecAsync(ExecRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Joins the caller to a running container's own process. What it writes from now on comes, as far as the caller keeps up: a slow one misses some and never holds
    /// up the container. <see cref="IExecSession.ExitCode"/> is the container's; disposing lets go of it and leaves it running.
    /// </summary>
    Task<IExecSession> AttachAsync(AttachRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Connects to a TCP port on the loopback of the pod's own network, IPv4 first: the way to a server of the pod whether or not it has an address, and also
    /// where it listens on loopback only.
    /// </summary>
    /// <exception cref="PodRuntimeException">NotRunning: the pod has no sandbox that is ready. ConnectionFailed: nobody listens, or it was refused.</exception>
    Task<IPodConnection> ConnectAsync(PodUid uid, int port, CancellationToken cancellationToken);

    /// <summary>Opens the container's log anew at the same path, for those who rotate by renaming.</summary>
    Task ReopenContainerLogAsync(ContainerId id, CancellationToken cancellationToken);

    /// <summary>Deletes the folder of a pod's logs, which outlive its sandboxes: for a pod that is to be forgotten. A folder that is not there is no error.</summary>
    Task RemovePodLogsAsync(string @namespace, string name, PodUid uid, CancellationToken cancellationToken);

    /// <summary>
    /// Deletes the volumes of one pod while its records stay: for a pod that is over, whose records still tell how it went. Nothing happens while a sandbox of it
    /// is ready, and to a pod without volumes.
    /// </summary>
    Task RemovePodVolumesAsync(PodUid uid, CancellationToken cancellationToken);

    /// <summary>
    /// Deletes the volumes of pods that have no sandbox and are not among <paramref name="wanted"/>. Volumes outlive a reboot with their pod, so only who knows
    /// which pods are wanted can tell which volumes are left over: to be called once the manifests have been read after a start.
    /// </summary>
    Task RemoveOrphanVolumesAsync(IReadOnlySet<PodUid> wanted, CancellationToken cancellationToken);
}

/// <param name="Ready">False with the reason when no pod can be started.</param>
/// <param name="MissingControllers">cgroup v2 controllers that limits need and the node lacks, of <c>cpu</c>, <c>memory</c>, <c>pids</c>.</param>
public sealed record RuntimeStatus(bool Ready, string Message, IReadOnlyList<string> MissingControllers)
{
    /// <summary>Who makes the cgroups of pods: <c>systemd</c>, <c>cgroupfs</c>, or empty where there are none.</summary>
    public string CgroupDriver { get; init; } = "";
}

/// <summary>What a sandbox is made from.</summary>
/// <param name="Attempt">0 for the first sandbox of this pod uid, one more each time it has to be made again.</param>
/// <param name="Source">Where the pod comes from (the manifest's path): kept in the record so that an agent that restarts knows the pod.</param>
public sealed record PodSandboxConfig(PodUid Uid, Pod Pod, int Attempt, string Source);

public enum PodSandboxState
{
    Ready,
    NotReady,
}

/// <param name="CreatedAt">UTC.</param>
/// <param name="PodIPs">Empty when the pod uses the host's network and when there is no network but loopback.</param>
/// <param name="ShimPid">Pid of the process that holds the sandbox; 0 when it is gone.</param>
public sealed record PodSandbox(
    PodSandboxId Id,
    PodUid Uid,
    int Attempt,
    PodSandboxState State,
    DateTimeOffset CreatedAt,
    IReadOnlyList<string> PodIPs,
    int ShimPid);

/// <summary>What a container run is made from.</summary>
/// <param name="Attempt">Restart count of this container's name within the pod uid: 0 for the first run.</param>
/// <param name="Hash">Hash of the container's specification; another hash under the same name means that it has to be replaced.</param>
/// <param name="Rootfs">From the snapshotter.</param>
/// <param name="RestartDelay">The back-off that follows if this run fails too; kept in the record so that back-off survives the agent.</param>
public sealed record ContainerConfig(
    PodSandboxId Sandbox,
    PodUid Uid,
    Pod Pod,
    Container Container,
    ContainerType Type,
    int Attempt,
    string Hash,
    ImageRecord Image,
    Mount Rootfs,
    ContainerId Id,
    TimeSpan RestartDelay);

public enum ContainerType
{
    Regular,
    Init,
    Ephemeral,
}

public enum ContainerRunState
{
    /// <summary>Recorded, never started.</summary>
    Created,
    Running,
    Exited,

    /// <summary>Its process is gone and no exit record was found.</summary>
    Unknown,
}

/// <summary>One run of a container, as recorded. Times are UTC; null until they happened.</summary>
/// <param name="ExitCode">0–255; 128 + signal for a death by signal; 128 when the start failed.</param>
/// <param name="Signal">The signal that ended it, 0 for none.</param>
/// <param name="Reason">Completed, Error, OOMKilled, StartError, ContainerStatusUnknown; null while it has not ended.</param>
/// <param name="Message">Termination message or the failed step of the start.</param>
public sealed record ContainerRun(
    ContainerId Id,
    PodSandboxId Sandbox,
    string Name,
    ContainerType Type,
    int Attempt,
    string Hash,
    string Image,
    string ImageId,
    ContainerRunState State,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    int ExitCode,
    int Signal,
    string? Reason,
    string? Message,
    int Pid,
    string LogPath,
    TimeSpan RestartDelay)
{
    /// <summary>What its cgroup was told to enforce last; before the start what it will be told. Null for no resources.</summary>
    public ResourceRequirements? Resources { get; init; }

    /// <summary>How many of its processes the kernel killed for want of memory; the container may have gone on without them.</summary>
    public long OomKills { get; init; }
}

/// <summary>Everything the node has of one pod.</summary>
/// <param name="Pod">
/// The pod as it was when its newest sandbox was made, or its resources were updated last: what is needed to end it when its manifest is gone.
/// </param>
/// <param name="Sandboxes">Newest attempt first.</param>
/// <param name="Containers">Newest attempt first within each name.</param>
/// <param name="ResourcesEnforced">False when limits were asked for that the node could not set; the message names the controllers.</param>
public sealed record PodRuntimeState(
    PodUid Uid,
    Pod Pod,
    string Source,
    IReadOnlyList<PodSandbox> Sandboxes,
    IReadOnlyList<ContainerRun> Containers,
    bool ResourcesEnforced,
    string? ResourcesMessage);

public enum RuntimeEventKind
{
    ContainerStarted,
    ContainerExited,
    SandboxDied,

    /// <summary>The kernel killed a process of a container for want of memory.</summary>
    ProcessOomKilled,
}

public readonly record struct RuntimeEvent(PodUid Uid, RuntimeEventKind Kind, ContainerId? Container);

/// <param name="Command">Argument vector, not a shell line.</param>
/// <param name="Tty">A terminal in the container's own devpts; then <see cref="IExecSession.Stderr"/> is null.</param>
/// <param name="Stdin">Whether the command gets an input; else it reads <c>/dev/null</c>.</param>
public sealed record ExecRequest(ContainerId Container, IReadOnlyList<string> Command, bool Tty, bool Stdin);

/// <param name="Stdin">The caller has input: it reaches the process if the container's specification asks for one (<c>stdin</c>, <c>stdinOnce</c>, <c>tty</c>).</param>
/// <param name="Stdout">A container with a terminal has this output only.</param>
public sealed record AttachRequest(ContainerId Container, bool Stdin, bool Stdout, bool Stderr);

/// <summary>A command that runs in a container; disposing kills it if it still runs. Or the container's own process, for one who is attached to it.</summary>
public interface IExecSession : IAsyncDisposable
{
    /// <summary>Write end of the command's input; null when none was asked for. Disposing it gives the command its end of file.</summary>
    Stream? Stdin { get; }
    Stream Stdout { get; }
    Stream? Stderr { get; }
    void Resize(int columns, int rows);

    /// <summary>Exit code of the command, 128 + signal for a death by signal.</summary>
    Task<int> ExitCode { get; }
}

/// <summary>A TCP connection into a pod. Disposing closes it.</summary>
public interface IPodConnection : IAsyncDisposable
{
    Stream Stream { get; }

    /// <summary>The other end reads its end of file; what it still sends can be read.</summary>
    void CompleteWrites();
}

/// <summary>Which step failed: it decides the waiting reason that the status shows.</summary>
public enum RuntimeFailure
{
    /// <summary>The sandbox could not be made.</summary>
    FailedCreatePodSandBox,

    /// <summary>The manifest asks for something this container cannot have (unknown user, missing host path, non-root required).</summary>
    CreateContainerConfigError,
    CreateContainerError,
    RunContainerError,
    NotFound,

    /// <summary>The verb does not fit the state: exec into a container that does not run.</summary>
    NotRunning,

    /// <summary>Nobody listens on that port of the pod, or the connection was refused.</summary>
    ConnectionFailed,

    /// <summary>A new memory limit is below what is used: enforcing it would kill instead of limit.</summary>
    MemoryLimitBelowUsage,

    /// <summary>New resources would make the pod one of another quality-of-service class, which a running pod cannot change.</summary>
    QosClassChanged,

    /// <summary>A container's file can't be read or written; the message tells the system call.</summary>
    CopyFailed,
}

/// <summary>A runtime verb that failed; <see cref="Exception.Message"/> names pod, container, step and errno.</summary>
public sealed class PodRuntimeException(RuntimeFailure failure, string message, int errno = 0, Exception? inner = null) : Exception(message, inner)
{
    public RuntimeFailure Failure { get; } = failure;
    public int Errno { get; } = errno;
}
