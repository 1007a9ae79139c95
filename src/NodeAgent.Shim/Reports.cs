namespace NodeAgent.Shim;

/// <summary>Reading one packet with file descriptors from a unix socket.</summary>
internal static unsafe class Reports
{
    /// <summary>One report and the fd that came with it, or -1; further fds are closed.</summary>
    /// <returns>Bytes read, 0 at EOF, or -errno. A packet of another size than a report's returns its size.</returns>
    public static int Receive(int socket, ShimReport* report, int* fd)
    {
        int* fds = Scratch.PassedFds;
        int count;
        bool cut;
        int got = ReceivePacket(socket, (byte*)report, sizeof(ShimReport), fds, &count, &cut);
        *fd = count > 0 ? fds[0] : -1;
        for (int i = 1; i < count; i++)
            Kernel.Close(fds[i]);
        return got;
    }

    /// <param name="socket">A SOCK_SEQPACKET socket.</param>
    /// <param name="buffer">Takes the packet.</param>
    /// <param name="size">Its size; a longer packet is cut.</param>
    /// <param name="fds">Room for <see cref="ShimAbi.MaxFds"/>.</param>
    /// <param name="fdCount">How many came.</param>
    /// <param name="cut">Data or fds did not fit.</param>
    public static int ReceivePacket(int socket, byte* buffer, int size, int* fds, int* fdCount, bool* cut)
    {
        const int ControlBytes = 16 + ShimAbi.MaxFds * 4;
        *fdCount = 0;
        IoVector vector = new() { Base = buffer, Length = (ulong)size };
        MessageHeader message = new() { Vectors = &vector, VectorCount = 1, Control = Scratch.Control, ControlLength = ControlBytes };
        int got = (int)Kernel.Call(NR.recvmsg, socket, (long)&message, Kernel.MSG_DONTWAIT | Kernel.MSG_CMSG_CLOEXEC);
        *cut = (message.Flags & (Kernel.MSG_TRUNC | Kernel.MSG_CTRUNC)) != 0;
        if (got < 0)
            return got;

        // The kernel makes one SCM_RIGHTS block at most, and puts it first.
        ControlHeader* control = (ControlHeader*)message.Control;
        if (message.ControlLength >= 16 && control->Level == Kernel.SOL_SOCKET && control->Type == Kernel.SCM_RIGHTS)
        {
            int* passed = (int*)(control + 1);
            *fdCount = (int)((control->Length - 16) / 4);
            for (int i = 0; i < *fdCount; i++)
                fds[i] = passed[i];
        }

        return got;
    }
}
