// Second part of the language between the daemon and a shim: what a shim tells of its slots, asked or not. See ShimAbi.cs.
namespace NodeAgent.Shim;

public enum ShimSlotState : uint
{
    Free = 0,
    Starting = 1,
    Running = 2,
    Exited = 3,
}

/// <summary>32 bytes, then <see cref="Count"/> × <see cref="ShimSlotInfo"/>.</summary>
public struct ShimListReply
{
    public ShimHeader Header;
    public uint Count;

    /// <summary>Argument of the next LIST; 0 when this reply was the last.</summary>
    public uint Next;
    public uint Reserved0;
    public uint Reserved1;
}

/// <summary>64 bytes.</summary>
public struct ShimSlotInfo
{
    public uint Slot;
    public int Pid;
    public ShimSlotState State;
    public ShimStartFlags Flags;

    /// <summary>As wait(2) gives it; valid when Exited.</summary>
    public int WaitStatus;
    public uint Tees;

    /// <summary>CLOCK_REALTIME nanoseconds; ExitedAt is 0 while the process lives.</summary>
    public long StartedAt;
    public long ExitedAt;

    /// <summary>Bytes in the log file; records and tee bytes that were dropped.</summary>
    public ulong LogBytes;
    public ulong DroppedRecords;
    public ulong DroppedTeeBytes;
}

/// <summary>40 bytes.</summary>
public struct ShimExitEvent
{
    public ShimHeader Header;
    public uint Slot;
    public int Pid;
    public int WaitStatus;
    public uint Reserved;

    /// <summary>CLOCK_REALTIME nanoseconds.</summary>
    public long ExitedAt;
}

/// <summary>32 bytes.</summary>
public struct ShimLogFullEvent
{
    public ShimHeader Header;
    public uint Slot;
    public uint Reserved;
    public ulong LogBytes;
}

/// <summary>What a child tells the shim on its report socket.</summary>
public enum ShimReportKind : uint
{
    /// <summary>The op failed with errno Value; the child has exited.</summary>
    Failed = 1,

    /// <summary>The op failed with errno Value and goes on.</summary>
    Tolerated = 2,

    /// <summary>Value is the pid of the second clone, which takes the slot over.</summary>
    SecondClone = 3,

    /// <summary>The terminal's master comes along by SCM_RIGHTS.</summary>
    Terminal = 4,

    /// <summary>The next thing is execve or park: when the socket closes now, it has happened.</summary>
    Executing = 5,
}

/// <summary>16 bytes.</summary>
public struct ShimReport
{
    public ShimReportKind Kind;
    public int OpIndex;
    public int Value;
    public uint Reserved;
}
