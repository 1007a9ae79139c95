namespace NodeAgent.Shim;

/// <summary>What a child starts out with. Owned fds are closed in the shim after the clone.</summary>
internal struct ChildStdio
{
    public int In;
    public int Out;
    public int Err;
    public int Report;
    public int OwnedIn;
    public int OwnedOut;
    public int OwnedErr;
}

/// <summary>Makes a slot's pipes and report socket: the shim's ends into the slot, non-blocking; the child's ends to the side.</summary>
internal static unsafe class Stdio
{
    /// <returns>0 or -errno; on an error what was made is closed, the child's side here and the rest by Slots.Release.</returns>
    public static int Make(ShimStartRequest* request, int* fds, Slot* slot, ChildStdio* child)
    {
        *child = new ChildStdio { In = 0, Out = 1, Err = 2, Report = -1, OwnedIn = -1, OwnedOut = -1, OwnedErr = -1 };
        int error = MakeReport(slot, child);
        if (error >= 0)
            error = MakeStreams(request, fds, slot, child);
        if (error >= 0)
            error = TakeLog(request, fds, slot);
        if (error < 0)
            CloseChildSide(child);
        return error;
    }

    public static void CloseChildSide(ChildStdio* child)
    {
        CloseIfOpen(ref child->Report);
        CloseIfOpen(ref child->OwnedIn);
        CloseIfOpen(ref child->OwnedOut);
        CloseIfOpen(ref child->OwnedErr);
    }

    private static int MakeReport(Slot* slot, ChildStdio* child)
    {
        int* pair = stackalloc int[2];
        int error = (int)Kernel.Call(NR.socketpair, Kernel.AF_UNIX, Kernel.SOCK_SEQPACKET | Kernel.SOCK_CLOEXEC, 0, (long)pair);
        if (error < 0)
            return error;
        slot->ReportFd = pair[0];
        child->Report = pair[1];
        return Kernel.SetNonBlocking(slot->ReportFd);
    }

    private static int MakeStreams(ShimStartRequest* request, int* fds, Slot* slot, ChildStdio* child)
    {
        int error = 0;
        switch (request->Stdio)
        {
            case ShimStdio.Passed:
                child->In = request->StdinFd >= 0 ? fds[request->StdinFd] : 0;
                child->Out = request->StdoutFd >= 0 ? fds[request->StdoutFd] : 1;
                child->Err = request->StderrFd >= 0 ? fds[request->StderrFd] : 2;
                return 0;
            case ShimStdio.LogPipes:
                error = Pipe(ref slot->Out.Fd, ref child->OwnedOut);
                child->Out = child->OwnedOut;
                if (error >= 0)
                    error = Pipe(ref slot->Err.Fd, ref child->OwnedErr);
                child->Err = child->OwnedErr;
                if (error >= 0 && (request->Flags & ShimStartFlags.OpenStdin) != 0)
                {
                    error = Pipe(ref child->OwnedIn, ref slot->StdinFd);
                    child->In = child->OwnedIn;
                }

                if (error >= 0)
                    error = Kernel.SetNonBlocking(slot->Out.Fd);
                return error >= 0 ? Kernel.SetNonBlocking(slot->Err.Fd) : error;
            default:
                return 0;
        }
    }

    private static int TakeLog(ShimStartRequest* request, int* fds, Slot* slot)
    {
        slot->LogLimit = request->LogLimit;
        if (request->LogFd < 0)
            return 0;

        // Of its own: the passed one is closed with the request.
        slot->LogFd = (int)Kernel.Call(NR.fcntl, fds[request->LogFd], Kernel.F_DUPFD_CLOEXEC, 0);
        if (slot->LogFd >= 0)
            slot->LogBytes = Kernel.FileSize(slot->LogFd);
        return slot->LogFd;
    }

    private static int Pipe(ref int read, ref int write)
    {
        int* pair = stackalloc int[2];
        int error = (int)Kernel.Call(NR.pipe2, (long)pair, Kernel.O_CLOEXEC);
        if (error < 0)
            return error;
        read = pair[0];
        write = pair[1];
        return 0;
    }

    private static void CloseIfOpen(ref int fd)
    {
        if (fd >= 0)
            Kernel.Close(fd);
        fd = -1;
    }
}
