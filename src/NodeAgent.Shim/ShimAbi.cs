// The language between the daemon and a shim: blittable structs and constants, nothing else. The same file is compiled into
// the shim (which has no base class library) and into NodeAgent.Linux.
//
// Transport: a unix SOCK_SEQPACKET socket; one message per packet; file descriptors travel with it by SCM_RIGHTS and are
// named by their index in that list. Integers are little-endian, both supported architectures being so.
//
//   daemon                                      shim
//     request  {header, body} + fds  ------->
//              <-------  reply {header with the same sequence, Type | Reply, Result = 0 or -errno, body} + fds
//              <-------  event {header with sequence 0, body}        only after SUBSCRIBE, at any time
//
// Compatibility: a shim lives as long as its pod, across upgrades of the daemon. So a value, once used, keeps its meaning; new
// fields go to the end of a body; a receiver takes longer bodies than it knows and refuses shorter ones.
namespace NodeAgent.Shim;

/// <summary>Limits and fixed numbers of the protocol.</summary>
public static class ShimAbi
{
    public const ushort Version = 1;

    /// <summary>Largest message in either direction, in bytes.</summary>
    public const int MaxMessage = 4096;

    /// <summary>Most file descriptors in one message; the kernel's own limit (SCM_MAX_FD) is 253.</summary>
    public const int MaxFds = 250;

    /// <summary>Most slots (processes started and not yet forgotten) in one shim.</summary>
    public const int MaxSlots = 1024;

    /// <summary>Most tees in one shim, over all slots.</summary>
    public const int MaxTees = 64;

    /// <summary>Most connections at once; for one more the oldest that has not subscribed is closed.</summary>
    public const int MaxConnections = 16;

    /// <summary>Most tolerated errors that a reply reports; later ones are dropped.</summary>
    public const int MaxReported = 16;

    /// <summary>A log line longer than this many bytes is split into records tagged P.</summary>
    public const int MaxLogLine = 16384;

    /// <summary>The listening socket, as the shim inherits it.</summary>
    public const int ListenFd = 3;

    /// <summary>The pod's record directory, as the shim inherits it: start and exit records are written there.</summary>
    public const int RecordDirectoryFd = 4;

    /// <summary>The cgroup v2 folder the shim is to live in, if it inherits one.</summary>
    public const int CgroupFd = 5;

    /// <summary>An index that names no file descriptor.</summary>
    public const int NoFd = -1;

    /// <summary>"PSP1", the first four bytes of a program.</summary>
    public const uint ProgramMagic = 0x31505350;

    public const int MaxProgramBytes = 16 << 20;
    public const int MaxProgramOps = 8192;

    /// <summary>
    /// In a KILL's argument: the signal goes to the process group that the process leads as well. A shim that does not know it answers EINVAL.
    /// </summary>
    public const uint KillGroup = 0x100;

    /// <summary>Number of result slots; those below <see cref="FirstFreeResult"/> are filled in by the shim.</summary>
    public const int ResultSlots = 64;

    public const int StdinResult = 0;
    public const int StdoutResult = 1;
    public const int StderrResult = 2;

    /// <summary>The child's end of the socket on which it reports to the shim; close-on-exec.</summary>
    public const int ReportResult = 3;

    public const int FirstFreeResult = 8;

    /// <summary>In <see cref="SyscallOp.ResultSlot"/>: the result is not kept.</summary>
    public const byte NoResult = 0xff;
}

public enum ShimMessageType : ushort
{
    /// <summary>Header only. Reply: <see cref="ShimHelloReply"/>.</summary>
    Hello = 1,

    /// <summary><see cref="ShimRunRequest"/>: plays a program in the shim itself. Reply: <see cref="ShimRunReply"/>.</summary>
    Run = 2,

    /// <summary><see cref="ShimStartRequest"/>. Reply, once execve has happened or a step has failed: <see cref="ShimStartReply"/>.</summary>
    Start = 3,

    /// <summary><see cref="ShimSlotRequest"/>, Argument = signal, perhaps with <see cref="ShimAbi.KillGroup"/>. ESRCH when the process is gone.</summary>
    Kill = 4,

    /// <summary>Header only. From the reply on, events arrive on this connection; logs already over their limit are announced again.</summary>
    Subscribe = 5,

    /// <summary><see cref="ShimSlotRequest"/>, Argument = <see cref="ShimFds"/> wanted. Reply: Value = those attached, in bit order.</summary>
    GetFds = 6,

    /// <summary><see cref="ShimFdRequest"/>, Argument = size limit: swaps the log file between two records. NoFd: discards from now on.</summary>
    SetLog = 7,

    /// <summary>
    /// <see cref="ShimFdRequest"/>, Argument = <see cref="ShimStreams"/>: copies raw output to the fd too, from now on. The shim makes
    /// the fd non-blocking and drops (and counts) what does not fit. Closed when the streams end. Reply: Value = tee id.
    /// </summary>
    AddTee = 8,

    /// <summary><see cref="ShimSlotRequest"/>, Argument = tee id.</summary>
    RemoveTee = 9,

    /// <summary><see cref="ShimSlotRequest"/>: the shim closes its write end of the process's stdin.</summary>
    CloseStdin = 10,

    /// <summary><see cref="ShimSlotRequest"/>: frees an ended slot and unlinks its records. EBUSY while the process lives.</summary>
    Forget = 11,

    /// <summary><see cref="ShimSlotRequest"/>, Argument = 0 or the previous reply's Next. Reply: <see cref="ShimListReply"/>.</summary>
    List = 12,

    /// <summary>
    /// <see cref="ShimSlotRequest"/>, Argument = 1 to force. Without force EBUSY while a process lives; with force every process gets
    /// SIGKILL. The shim ends when the last one is reaped: its connections close.
    /// </summary>
    Shutdown = 13,

    /// <summary><see cref="ShimExitEvent"/>, after the exit record has been written.</summary>
    ExitEvent = 0x4001,

    /// <summary><see cref="ShimLogFullEvent"/>, once per log file: its size crossed the limit. Writing goes on until SETLOG.</summary>
    LogFullEvent = 0x4002,

    /// <summary>Header only: this subscriber read too slowly and events were dropped. LIST tells the truth.</summary>
    EventsLostEvent = 0x4003,

    /// <summary>Set in the type of every reply.</summary>
    Reply = 0x8000,
}

/// <summary>Starts every message. 16 bytes.</summary>
public struct ShimHeader
{
    /// <summary>Bytes of the whole message; equals what the socket delivered.</summary>
    public uint Size;
    public ShimMessageType Type;
    public ushort Version;

    /// <summary>Chosen by the requester, repeated in the reply; 0 in events.</summary>
    public uint Sequence;

    /// <summary>0 or -errno in replies; 0 elsewhere.</summary>
    public int Result;
}

/// <summary>24 bytes.</summary>
public struct ShimSlotRequest
{
    public ShimHeader Header;
    public uint Slot;
    public uint Argument;
}

/// <summary>Reply to everything that has no reply of its own. 24 bytes.</summary>
public struct ShimSlotReply
{
    public ShimHeader Header;
    public uint Slot;
    public uint Value;
}

/// <summary>32 bytes.</summary>
public struct ShimFdRequest
{
    public ShimHeader Header;
    public uint Slot;

    /// <summary>Index of the passed fd.</summary>
    public int Fd;
    public ulong Argument;
}

/// <summary>48 bytes.</summary>
public struct ShimHelloReply
{
    public ShimHeader Header;
    public int Pid;

    /// <summary>Slots not forgotten.</summary>
    public uint Slots;

    /// <summary>When the shim started, CLOCK_REALTIME nanoseconds.</summary>
    public long StartedAt;

    /// <summary>Log records and exit records that could not be written since the shim started.</summary>
    public ulong DroppedLogRecords;
    public ulong FailedExitRecords;
}

/// <summary>24 bytes.</summary>
public struct ShimRunRequest
{
    public ShimHeader Header;

    /// <summary>Index of a memfd sealed against writing and shrinking that holds the program.</summary>
    public int ProgramFd;
    public uint Reserved;
}

/// <summary>32 bytes, then <see cref="ReportedCount"/> × <see cref="ShimReportedError"/>.</summary>
public struct ShimRunReply
{
    public ShimHeader Header;

    /// <summary>The op that failed, or a <see cref="ShimStep"/> when negative. Meaningless on success.</summary>
    public int OpIndex;
    public uint ReportedCount;

    /// <summary>Result of the last op played.</summary>
    public long LastResult;
}

/// <summary>An error that an op tolerated and asked to be told of. 8 bytes.</summary>
public struct ShimReportedError
{
    public int OpIndex;
    public int Errno;
}

/// <summary>Steps of the shim before a program runs, as negative op indexes.</summary>
public enum ShimStep
{
    Program = -1,
    Stdio = -2,
    PidNamespace = -3,
    Clone = -4,

    /// <summary>The child died before execve; WaitStatus tells how.</summary>
    Died = -5,
}

[System.Flags]
public enum ShimStartFlags : uint
{
    None = 0,

    /// <summary>LogPipes: stdin is a pipe whose write end GETFDS hands out; otherwise stdin is /dev/null.</summary>
    OpenStdin = 1,

    /// <summary>No start or exit record (exec): the slot goes by itself once it has ended and its connection has closed.</summary>
    NoExitRecord = 2,

    /// <summary>The program makes the final process by a second clone (<see cref="SyscallOpFlags.ExitIfPositive"/>).</summary>
    SecondClone = 4,
}

public enum ShimStdio : uint
{
    /// <summary>The shim's own /dev/null.</summary>
    Null = 0,

    /// <summary>The shim makes pipes and writes the log file.</summary>
    LogPipes = 1,

    /// <summary>The three passed fds; no data crosses the shim.</summary>
    Passed = 2,

    /// <summary>
    /// The program opens a terminal and sends its master (<see cref="ShimReportKind.Terminal"/>); output goes to the log as stdout. With
    /// NoExitRecord and no log the shim does not read it: GETFDS hands it to whoever does.
    /// </summary>
    Terminal = 3,
}

/// <summary>80 bytes.</summary>
public struct ShimStartRequest
{
    public ShimHeader Header;

    /// <summary>Chosen by the daemon, never used twice in one shim; EEXIST otherwise. The records are named after it.</summary>
    public uint Slot;
    public ShimStartFlags Flags;

    /// <summary>CLONE_NEW* flags; all others are refused with EINVAL. See clone3(2).</summary>
    public ulong CloneFlags;

    /// <summary>Log size in bytes at which <see cref="ShimMessageType.LogFullEvent"/> is sent; 0 for never.</summary>
    public ulong LogLimit;
    public ShimStdio Stdio;

    /// <summary>Indexes of passed fds, or <see cref="ShimAbi.NoFd"/>.</summary>
    public int ProgramFd;

    /// <summary>A cgroup v2 directory the child is born in (CLONE_INTO_CGROUP, Linux 5.7).</summary>
    public int CgroupFd;

    /// <summary>A pid namespace the shim enters for the fork and leaves after it.</summary>
    public int PidNamespaceFd;
    public int LogFd;
    public int StdinFd;
    public int StdoutFd;
    public int StderrFd;
    public uint Reserved0;
    public uint Reserved1;
}

/// <summary>40 bytes, then <see cref="ReportedCount"/> × <see cref="ShimReportedError"/>.</summary>
public struct ShimStartReply
{
    public ShimHeader Header;
    public uint Slot;

    /// <summary>In the shim's pid namespace; 0 when none was made.</summary>
    public int Pid;

    /// <summary>The op that failed, or a <see cref="ShimStep"/> when negative. Meaningless on success.</summary>
    public int OpIndex;

    /// <summary>Of a child that died before execve, see wait(2).</summary>
    public int WaitStatus;
    public uint ReportedCount;
    public uint Reserved;
}

[System.Flags]
public enum ShimFds : uint
{
    None = 0,
    Pidfd = 1,
    Stdin = 2,

    /// <summary>Write input and set the size through it; reading from it would take output away from the log. It is non-blocking.</summary>
    Terminal = 4,
}

[System.Flags]
public enum ShimStreams : uint
{
    None = 0,
    Stdout = 1,
    Stderr = 2,
}
