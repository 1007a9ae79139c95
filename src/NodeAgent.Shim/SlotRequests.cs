namespace NodeAgent.Shim;

/// <summary>The requests about one slot. ENOENT when there is no such slot.</summary>
internal static unsafe class SlotRequests
{
    public static void Handle(Connection* connection, ShimHeader* header, int* fds, int fdCount)
    {
        ShimSlotRequest* request = (ShimSlotRequest*)header;
        Slot* slot = Slots.FindById(request->Slot);
        if (slot == null)
        {
            Protocol.Answer(connection, header, -Kernel.ENOENT, request->Slot, 0);
            return;
        }

        uint value = 0;
        int result;
        switch (header->Type)
        {
            case ShimMessageType.GetFds:
                GetFds(connection, request, slot);
                return;
            case ShimMessageType.Kill:
                result = Kill(slot, request->Argument);
                break;
            case ShimMessageType.SetLog:
                result = SetLog(slot, (ShimFdRequest*)header, fds, fdCount);
                break;
            case ShimMessageType.AddTee:
                result = AddTee(slot, (ShimFdRequest*)header, fds, fdCount, &value);
                break;
            case ShimMessageType.RemoveTee:
                result = Tees.Remove(slot, request->Argument);
                break;
            case ShimMessageType.CloseStdin:
                EventLoop.CloseWatched(ref slot->StdinFd);
                result = 0;
                break;
            case ShimMessageType.Forget:
                result = Forget(slot);
                break;
            default:
                result = -Kernel.EOPNOTSUPP;
                break;
        }

        Protocol.Answer(connection, header, result, request->Slot, value);
    }

    private static int Kill(Slot* slot, uint argument)
    {
        if (!Slots.IsLive(slot))
            return -Kernel.ESRCH;
        uint signal = argument & ~ShimAbi.KillGroup;
        // Nobody but this thread reaps it, so its pid is its own. Before its setsid there is no such group.
        if (signal != argument)
            Kernel.Call(NR.kill, -(long)slot->Pid, signal);
        return (int)Kernel.Call(NR.pidfd_send_signal, slot->Pidfd, signal, 0, 0);
    }

    private static void GetFds(Connection* connection, ShimSlotRequest* request, Slot* slot)
    {
        int* found = stackalloc int[4];
        int count = 0;
        ShimFds mask = ShimFds.None;
        Offer(request, ShimFds.Pidfd, slot->Pidfd, found, ref count, ref mask);
        Offer(request, ShimFds.Stdin, slot->StdinFd, found, ref count, ref mask);
        Offer(request, ShimFds.Terminal, slot->TerminalFd, found, ref count, ref mask);
        Protocol.Answer(connection, &request->Header, 0, request->Slot, (uint)mask, found, count);
    }

    private static void Offer(ShimSlotRequest* request, ShimFds kind, int fd, int* found, ref int count, ref ShimFds mask)
    {
        if ((request->Argument & (uint)kind) == 0 || fd < 0)
            return;
        found[count++] = fd;
        mask |= kind;
    }

    private static int SetLog(Slot* slot, ShimFdRequest* request, int* fds, int fdCount)
    {
        if (request->Fd != ShimAbi.NoFd && (uint)request->Fd >= (uint)fdCount)
            return -Kernel.EINVAL;
        EventLoop.CloseWatched(ref slot->LogFd);
        slot->LogLimit = request->Argument;
        slot->LogFullSent = false;
        slot->LogBytes = 0;
        if (request->Fd == ShimAbi.NoFd)
            return 0;
        slot->LogFd = fds[request->Fd];
        fds[request->Fd] = -1;
        slot->LogBytes = Kernel.FileSize(slot->LogFd);
        return 0;
    }

    private static int AddTee(Slot* slot, ShimFdRequest* request, int* fds, int fdCount, uint* id)
    {
        if ((uint)request->Fd >= (uint)fdCount)
            return -Kernel.EINVAL;
        int result = Tees.Add(slot, fds[request->Fd], (ShimStreams)request->Argument, id);
        if (result >= 0)
            fds[request->Fd] = -1;
        return result;
    }

    private static int Forget(Slot* slot)
    {
        if (Slots.IsLive(slot))
            return -Kernel.EBUSY;
        Streams.Drain(slot);
        Records.Remove(slot);
        Slots.Release(slot);
        return 0;
    }
}
