namespace NodeAgent.Shim;

/// <summary>
/// Moves the output of processes: pipe or terminal -> tees (raw) and log (CRI records). An incomplete line waits in its stream, so a
/// message written in pieces stays one record.
/// </summary>
internal static unsafe class Streams
{
    /// <summary>Reads before others get their turn.</summary>
    private const int ReadsPerEvent = 4;

    /// <summary>
    /// What an ended process can have left behind at most: the largest pipe a user may make. More than that comes from a grandchild that
    /// still writes, and is read as it comes.
    /// </summary>
    private const int DrainBytes = 2 << 20;

    public static int Watch(Slot* slot)
    {
        int error = 0;
        int index = Slots.IndexOf(slot);
        if (slot->Out.Fd >= 0)
            error = EventLoop.Add(slot->Out.Fd, NodeAgent.Shim.Watch.Stdout, index, slot->Generation);
        if (error >= 0 && slot->Err.Fd >= 0)
            error = EventLoop.Add(slot->Err.Fd, NodeAgent.Shim.Watch.Stderr, index, slot->Generation);
        return error;
    }

    /// <summary>The terminal's master is there: its output counts as stdout.</summary>
    public static void WatchTerminal(Slot* slot)
    {
        // A command's terminal without a log belongs to whoever asks for it: only one may read.
        if (slot->LogFd < 0 && (slot->Flags & ShimStartFlags.NoExitRecord) != 0)
            return;
        int own = (int)Kernel.Call(NR.fcntl, slot->TerminalFd, Kernel.F_DUPFD_CLOEXEC, 0);
        if (own < 0 || Kernel.SetNonBlocking(own) < 0)
            return;
        slot->Out.Fd = own;
        EventLoop.Add(own, NodeAgent.Shim.Watch.Stdout, Slots.IndexOf(slot), slot->Generation);
    }

    public static void Ready(Slot* slot, bool isError)
    {
        OutputStream* stream = isError ? &slot->Err : &slot->Out;
        for (int i = 0; i < ReadsPerEvent; i++)
        {
            if (ReadOnce(slot, stream, isError) < Scratch.ReadBytes)
                return;
        }
    }

    /// <summary>After the process's end: takes all it wrote. A stream that a grandchild keeps open stays watched.</summary>
    public static void Drain(Slot* slot)
    {
        DrainOne(slot, &slot->Out, false);
        DrainOne(slot, &slot->Err, true);
    }

    public static void CloseAll(Slot* slot)
    {
        End(slot, &slot->Out, false);
        End(slot, &slot->Err, true);
    }

    /// <summary>Unmaps the line buffers that hold nothing.</summary>
    public static void GiveBack()
    {
        for (int i = 0; i < Slots.Used; i++)
        {
            Slot* slot = Slots.At(i);
            GiveBackOne(&slot->Out);
            GiveBackOne(&slot->Err);
        }
    }

    private static void GiveBackOne(OutputStream* stream)
    {
        if (stream->PartialLength == 0 && stream->Partial != null)
        {
            Memory.Unmap(stream->Partial, ShimAbi.MaxLogLine);
            stream->Partial = null;
        }
    }

    private static void DrainOne(Slot* slot, OutputStream* stream, bool isError)
    {
        long total = 0;
        while (stream->Fd >= 0 && total < DrainBytes)
        {
            int got = ReadOnce(slot, stream, isError);
            if (got <= 0)
                return;
            total += got;
        }
    }

    /// <returns>Bytes read; 0 at the end of the stream, negative when there is nothing to read now.</returns>
    private static int ReadOnce(Slot* slot, OutputStream* stream, bool isError)
    {
        if (stream->Fd < 0)
            return 0;
        int carried = stream->PartialLength;
        byte* input = Scratch.Input;
        int got = (int)Kernel.Read(stream->Fd, input + carried, Scratch.ReadBytes);
        if (got == -Kernel.EAGAIN)
            return got;

        // A terminal whose other side is closed gives EIO where a pipe gives 0.
        if (got <= 0)
        {
            End(slot, stream, isError);
            return 0;
        }

        if (carried > 0)
            Memory.Copy(input, stream->Partial, carried);
        Tees.Write(slot, isError, input + carried, got);
        int used = CriLog.Append(slot, isError, input, carried + got, carried);
        Keep(slot, stream, isError, input + used, carried + got - used);
        CriLog.AnnounceIfFull(slot);
        return got;
    }

    private static void Keep(Slot* slot, OutputStream* stream, bool isError, byte* rest, int length)
    {
        if (length > 0 && stream->Partial == null)
            stream->Partial = Memory.Map(ShimAbi.MaxLogLine);
        if (length > 0 && stream->Partial == null)
        {
            // Out of memory: the line is broken here rather than lost.
            CriLog.AppendPartial(slot, isError, rest, length);
            length = 0;
        }

        if (length > 0)
            Memory.Copy(stream->Partial, rest, length);
        stream->PartialLength = length;
    }

    private static void End(Slot* slot, OutputStream* stream, bool isError)
    {
        if (stream->PartialLength > 0)
            CriLog.AppendPartial(slot, isError, stream->Partial, stream->PartialLength);
        stream->PartialLength = 0;
        GiveBackOne(stream);
        if (stream->Fd >= 0)
            EventLoop.CloseWatched(ref stream->Fd);
        if (!isError)
            EventLoop.CloseWatched(ref slot->TerminalFd);
        Tees.StreamEnded(slot);
    }
}
