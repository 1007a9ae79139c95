namespace NodeAgent.Shim;

/// <summary>
/// A child's copies of the shim's descriptors. execve would close them, but a program may take long to get there (a network file system) or never
/// execute anything: meanwhile they would keep pipes open whose end somebody waits for, and connections alive after the shim's death.
/// </summary>
internal static unsafe class Inherited
{
    /// <summary>In a child only. Plain closes: taking them out of epoll would take them out of the shim's.</summary>
    public static void Close()
    {
        Kernel.Close(ShimAbi.ListenFd);
        Kernel.Close(ShimAbi.RecordDirectoryFd);
        Kernel.Close(EventLoop.Fd);
        Kernel.Close(Signals.Fd);
        Connections.CloseCopies();
        Tees.CloseCopies();
        for (int i = 0; i < Slots.Used; i++)
        {
            Slot* slot = Slots.At(i);
            if (slot->State == ShimSlotState.Free)
                continue;
            CloseCopy(slot->Pidfd);
            CloseCopy(slot->ReportFd);
            CloseCopy(slot->StdinFd);
            CloseCopy(slot->TerminalFd);
            CloseCopy(slot->Out.Fd);
            CloseCopy(slot->Err.Fd);
            CloseCopy(slot->LogFd);
        }
    }

    private static void CloseCopy(int fd)
    {
        if (fd >= 0)
            Kernel.Close(fd);
    }
}
