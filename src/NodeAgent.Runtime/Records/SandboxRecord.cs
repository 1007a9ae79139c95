using NodeAgent.Linux;

namespace NodeAgent.Runtime.Records;

/// <summary>How far a sandbox got. The record goes to a phase before the act, so that whatever the next agent finds, it knows what may be there.</summary>
public enum SandboxPhase
{
    /// <summary>Being made: any part of it may exist. Found at start, it is taken down.</summary>
    Creating,
    Ready,

    /// <summary>Stopped, dead, or half taken down.</summary>
    NotReady,
}

/// <summary><c>sandbox.json</c>: one sandbox of a pod.</summary>
/// <param name="Namespace">Kept beside <c>pod.json</c>, so that a pod whose file is damaged can still be named.</param>
/// <param name="Cgroup">Absolute path of the pod's cgroup.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Shim">The process that holds the sandbox; pid 0 until it is spawned.</param>
/// <param name="ResourcesMessage">Null when everything asked for is enforced.</param>
/// <param name="Message">Why it is not ready.</param>
public sealed record SandboxRecord(
    string Uid,
    int Attempt,
    string Namespace,
    string Name,
    string Source,
    SandboxPhase Phase,
    string Cgroup,
    DateTimeOffset CreatedAt,
    ProcessIdentity Shim,
    IReadOnlyList<string> PodIPs,
    string? ResourcesMessage = null,
    string? Message = null);
