using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>What START needs. Handles stay the caller's, and open until the task has completed.</summary>
public sealed record ShimStart
{
    /// <summary>Never used before in this shim.</summary>
    public required uint Slot { get; init; }

    public required SyscallProgram Program { get; init; }

    /// <summary>The fds that the program names, in order.</summary>
    public IReadOnlyList<SafeFileHandle> ProgramFds { get; init; } = [];

    /// <summary>CLONE_NEW* of clone3(2).</summary>
    public ulong CloneFlags { get; init; }

    public ShimStdio Stdio { get; init; }

    public ShimStartFlags Flags { get; init; }

    /// <summary>A cgroup v2 directory to be born in.</summary>
    public SafeFileHandle? Cgroup { get; init; }

    /// <summary>A pid namespace to be born in.</summary>
    public SafeFileHandle? PidNamespace { get; init; }

    /// <summary>Opened for appending.</summary>
    public SafeFileHandle? Log { get; init; }

    /// <summary>Bytes; 0 for none.</summary>
    public ulong LogLimit { get; init; }

    /// <summary>For stdio mode Passed; null is /dev/null.</summary>
    public SafeFileHandle? Stdin { get; init; }

    public SafeFileHandle? Stdout { get; init; }

    public SafeFileHandle? Stderr { get; init; }
}

/// <summary>An error that a program tolerated and reported.</summary>
public readonly record struct ShimTolerated(int OpIndex, int Errno);

/// <summary>How START or RUN went.</summary>
/// <param name="Errno">0 when it went well.</param>
/// <param name="OpIndex">The op that failed, or a <see cref="ShimStep"/> below 0.</param>
/// <param name="Pid">Of the process, in the shim's pid namespace; START only.</param>
/// <param name="WaitStatus">Of a process that died before execve (<see cref="ShimStep.Died"/>).</param>
/// <param name="LastResult">Of the last op; RUN only.</param>
public sealed record ShimOutcome(int Errno, int OpIndex, int Pid, int WaitStatus, long LastResult, IReadOnlyList<ShimTolerated> Tolerated)
{
    public bool Succeeded => Errno == 0;

    /// <summary>e.g. <c>mount /proc: EPERM</c>.</summary>
    public string Describe(SyscallProgram program) =>
        OpIndex == (int)ShimStep.Died ? $"the process died before execve, {ShimWaitStatus.Describe(WaitStatus)}" : program.Describe(OpIndex, Errno);
}

/// <summary>A slot as LIST gives it.</summary>
public sealed record ShimSlot(
    uint Id,
    int Pid,
    ShimSlotState State,
    int WaitStatus,
    DateTimeOffset StartedAt,
    DateTimeOffset? ExitedAt,
    ulong LogBytes,
    ulong DroppedLogRecords,
    ulong DroppedTeeBytes,
    uint Tees);

/// <summary>What HELLO tells.</summary>
public sealed record ShimInfo(int Pid, uint Slots, DateTimeOffset StartedAt, ulong DroppedLogRecords, ulong FailedExitRecords);

/// <summary>The fds of a process; null what it does not have. To be disposed.</summary>
public sealed record ShimSlotFds(SafeFileHandle? Pidfd, SafeFileHandle? Stdin, SafeFileHandle? Terminal) : IDisposable
{
    public void Dispose()
    {
        Pidfd?.Dispose();
        Stdin?.Dispose();
        Terminal?.Dispose();
    }
}

/// <summary>What a shim says unasked.</summary>
public abstract record ShimEvent;

/// <summary>A process has ended; its record is written.</summary>
public sealed record ShimExited(uint Slot, int Pid, int WaitStatus, DateTimeOffset At) : ShimEvent;

/// <summary>A log file has crossed its limit: once per file.</summary>
public sealed record ShimLogFull(uint Slot, ulong LogBytes) : ShimEvent;

/// <summary>Events were dropped: LIST.</summary>
public sealed record ShimEventsLost : ShimEvent;

/// <summary>The shim has ended, or was never there. The request may or may not have been carried out.</summary>
public sealed class ShimGoneException(string shim) : IOException($"shim {shim}: it is gone");

/// <summary>A shim's answer that breaks the protocol.</summary>
public sealed class ShimProtocolException(string shim, string what) : IOException($"shim {shim}: {what}");
