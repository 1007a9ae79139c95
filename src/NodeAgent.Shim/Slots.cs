// A slot is one process that the daemon asked for: a container's or an exec's.
//
//                 START                        the report socket closes after
//   Free ------------------------> Starting ------ "executing" -----------> Running
//     ^                               |                                        |
//     |        failed or died:        |                             the process is reaped
//     +---- reply, no record ---------+                                        v
//     +------------------ FORGET, or NoExitRecord and owner gone ---------- Exited
//
// Invariants
//   - a slot that is Starting or Running has a live or unreaped process, registered in epoll by its pidfd;
//   - Exited is entered only with the exit record written (or counted as failed), and before any subscriber hears of it;
//   - the generation of a slot grows each time it is freed, so an event that was fetched before is recognised as stale.
// Callers: Containers (start, exit), Streams (output), Protocol (requests).
namespace NodeAgent.Shim;

/// <summary>One output of a process: the read end of its pipe, or its terminal.</summary>
internal unsafe struct OutputStream
{
    public int Fd;

    /// <summary>Bytes of a line whose end has not been read yet.</summary>
    public int PartialLength;

    /// <summary>Room for them (<see cref="ShimAbi.MaxLogLine"/>), mapped when first needed.</summary>
    public byte* Partial;
}

internal unsafe struct Slot
{
    public uint Id;
    public uint Generation;
    public ShimSlotState State;
    public ShimStartFlags Flags;
    public ShimStdio Stdio;

    public int Pid;
    public int Pidfd;
    public int WaitStatus;
    public long StartedAt;
    public long ExitedAt;

    /// <summary>CLOCK_BOOTTIME before the clone: with the time after it, it brackets the start time in /proc/pid/stat.</summary>
    public long ClonedAfter;

    /// <summary>The shim's end of the report socket, while Starting.</summary>
    public int ReportFd;
    public bool Executing;
    public bool RecordPending;
    public bool LogFullSent;

    /// <summary>The connection that asked for the start, and the sequence number of its request.</summary>
    public int Owner;
    public uint OwnerGeneration;
    public uint Sequence;

    /// <summary>The error a starting child reported; FailedErrno is 0 when none.</summary>
    public int FailedOp;
    public int FailedErrno;
    public uint ReportedCount;
    public fixed long Reported[ShimAbi.MaxReported];

    public int StdinFd;
    public int TerminalFd;
    public OutputStream Out;
    public OutputStream Err;

    public int LogFd;
    public ulong LogLimit;
    public ulong LogBytes;
    public ulong DroppedRecords;
    public ulong DroppedTeeBytes;
}

internal static unsafe class Slots
{
    private static Slot* _table;

    /// <summary>Slots ever used: those above have never been touched, and cost no memory.</summary>
    private static int _used;

    public static int Used => _used;

    /// <summary>Starting or Running.</summary>
    public static int Live { get; private set; }

    /// <summary>Slots that are Starting and will be taken over by a second clone, see <see cref="Containers.Sweep"/>.</summary>
    public static int AwaitingSecondClone { get; set; }

    public static bool Initialize()
    {
        _table = (Slot*)Memory.Map(sizeof(Slot) * ShimAbi.MaxSlots);
        return _table != null;
    }

    public static Slot* At(int index) => _table + index;

    public static int IndexOf(Slot* slot) => (int)(slot - _table);

    public static Slot* FindById(uint id)
    {
        for (int i = 0; i < _used; i++)
        {
            if (_table[i].State != ShimSlotState.Free && _table[i].Id == id)
                return _table + i;
        }

        return null;
    }

    /// <summary>The slot whose living process has that pid, or null.</summary>
    public static Slot* FindByPid(int pid)
    {
        for (int i = 0; i < _used; i++)
        {
            if (IsLive(_table + i) && _table[i].Pid == pid)
                return _table + i;
        }

        return null;
    }

    public static bool IsLive(Slot* slot) => slot->State is ShimSlotState.Starting or ShimSlotState.Running;

    public static uint InUse()
    {
        uint count = 0;
        for (int i = 0; i < _used; i++)
            count += _table[i].State == ShimSlotState.Free ? 0u : 1u;
        return count;
    }

    /// <summary>A free slot, made Starting, or null.</summary>
    public static Slot* Take(uint id)
    {
        int index = 0;
        while (index < _used && _table[index].State != ShimSlotState.Free)
            index++;
        if (index == ShimAbi.MaxSlots)
            return null;
        if (index == _used)
            _used++;
        Slot* slot = _table + index;
        uint generation = slot->Generation;
        Memory.Clear(slot, sizeof(Slot));
        slot->Generation = generation;
        slot->Id = id;
        slot->State = ShimSlotState.Starting;
        slot->Pidfd = slot->ReportFd = slot->StdinFd = slot->TerminalFd = slot->LogFd = slot->Out.Fd = slot->Err.Fd = -1;
        Live++;
        return slot;
    }

    public static void Ended(Slot* slot)
    {
        slot->State = ShimSlotState.Exited;
        Live--;
    }

    /// <summary>Closes all a slot holds and makes it Free.</summary>
    public static void Release(Slot* slot)
    {
        if (IsLive(slot))
            Live--;
        Streams.CloseAll(slot);
        Tees.RemoveAll(slot);
        EventLoop.CloseWatched(ref slot->Pidfd);
        EventLoop.CloseWatched(ref slot->ReportFd);
        EventLoop.CloseWatched(ref slot->StdinFd);
        EventLoop.CloseWatched(ref slot->LogFd);
        slot->State = ShimSlotState.Free;
        slot->Generation++;
        while (_used > 0 && _table[_used - 1].State == ShimSlotState.Free)
            _used--;
    }
}
