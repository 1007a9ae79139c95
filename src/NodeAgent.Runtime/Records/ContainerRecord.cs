using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Records;

/// <summary>How far a container run got.</summary>
public enum ContainerPhase
{
    Created,

    /// <summary>Its start was begun: the shim's list and exit records tell whether the process ever ran.</summary>
    Starting,
    Running,
    Exited,

    /// <summary>Its process is gone and nobody wrote down how.</summary>
    Unknown,
}

/// <summary><c>containers/{name}.{attempt}.{id}.json</c>: one run of a container, with all that is needed to start it.</summary>
/// <param name="Slot">The shim's number for its process; 0 before the start.</param>
/// <param name="Process">Pid 0 before the start.</param>
/// <param name="ExitCode">0–255.</param>
/// <param name="OomKills">Processes of it that the kernel killed for want of memory.</param>
/// <param name="Resources">What its cgroup enforces, or will when it is started; null for none.</param>
public sealed record ContainerRecord(
    string Id,
    string Name,
    ContainerType Type,
    int Attempt,
    string Hash,
    string ImageName,
    ImageRecord Image,
    Mount Rootfs,
    string LogPath,
    TimeSpan RestartDelay,
    DateTimeOffset CreatedAt,
    ContainerPhase Phase,
    uint Slot = 0,
    ProcessIdentity Process = default,
    DateTimeOffset? StartedAt = null,
    DateTimeOffset? FinishedAt = null,
    int ExitCode = 0,
    int Signal = 0,
    string? Reason = null,
    string? Message = null,
    ResourceRequirements? Resources = null,
    long OomKills = 0);
