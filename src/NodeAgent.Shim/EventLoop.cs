// One thread, one epoll. Every fd in it is non-blocking, and no call in the loop waits for anybody: not for the daemon, not for
// a process that is starting, not for a reader of a tee.
namespace NodeAgent.Shim;

/// <summary>What an event is about; with an index and a generation it is the 64-bit epoll data.</summary>
internal enum Watch : byte
{
    Listener = 1,
    Signals = 2,
    Connection = 3,
    Pidfd = 4,
    Report = 5,
    Stdout = 6,
    Stderr = 7,
}

internal static unsafe class EventLoop
{
    private const int MaxEvents = 32;

    /// <summary>How long nothing must happen before the buffers are given back; then the shim sleeps for good.</summary>
    private const int IdleMilliseconds = 500;

    private static int _epoll;

    public static int Fd => _epoll;

    /// <summary>The shim ends when the last process is gone.</summary>
    public static bool Ending { get; set; }

    /// <summary>Buffers have been touched since they were last given back.</summary>
    private static bool Warm { get; set; }

    public static int Initialize()
    {
        _epoll = (int)Kernel.Call(NR.epoll_create1, Kernel.O_CLOEXEC);
        return _epoll;
    }

    public static int Add(int fd, Watch watch, int index, uint generation) =>
        Control(Kernel.EPOLL_CTL_ADD, fd, watch, index, generation, Kernel.EPOLLIN);

    /// <summary>Asks for EPOLLOUT as well, or no longer.</summary>
    public static int SetWritable(int fd, Watch watch, int index, uint generation, bool wanted) =>
        Control(Kernel.EPOLL_CTL_MOD, fd, watch, index, generation, wanted ? Kernel.EPOLLIN | Kernel.EPOLLOUT : Kernel.EPOLLIN);

    /// <summary>
    /// Closes an fd that may be watched and sets it to -1. The explicit removal matters: a child between clone and execve holds a copy of
    /// the open file, and as long as one copy is open, epoll would go on reporting it.
    /// </summary>
    public static void CloseWatched(ref int fd)
    {
        if (fd < 0)
            return;
        Kernel.Call(NR.epoll_ctl, _epoll, Kernel.EPOLL_CTL_DEL, fd, 0);
        Kernel.Close(fd);
        fd = -1;
    }

    public static void Unwatch(int fd) => Kernel.Call(NR.epoll_ctl, _epoll, Kernel.EPOLL_CTL_DEL, fd, 0);

    public static void Run()
    {
        byte* events = Scratch.Events;
        while (!(Ending && Slots.Live == 0))
        {
            long count = Kernel.Call(NR.epoll_pwait, _epoll, (long)events, MaxEvents, Warm ? IdleMilliseconds : -1, 0, 8);
            if (count == 0)
                CoolDown();
            Warm = count > 0;
            for (int i = 0; i < count; i++)
            {
                byte* at = events + i * Machine.EpollEventSize;
                Dispatch(*(uint*)at, *(ulong*)(at + Machine.EpollDataOffset));
            }

            Containers.Sweep();
        }
    }

    private static void Dispatch(uint ready, ulong data)
    {
        Watch watch = (Watch)(data >> 56);
        int index = (int)(data >> 32) & 0xffff;
        uint generation = (uint)data;
        if (watch == Watch.Listener)
        {
            Connections.Accept();
            return;
        }

        if (watch == Watch.Signals)
        {
            Signals.Read();
            return;
        }

        if (watch == Watch.Connection)
        {
            Connections.Ready(index, generation, ready);
            return;
        }

        Slot* slot = Slots.At(index);
        if (slot->Generation != generation || slot->State == ShimSlotState.Free)
            return;
        if (watch == Watch.Pidfd)
            Containers.Reap(slot);
        else if (watch == Watch.Report)
            Containers.ReadReports(slot);
        else
            Streams.Ready(slot, watch == Watch.Stderr);
    }

    private static void CoolDown()
    {
        Scratch.GiveBack();
        Streams.GiveBack();
    }

    private static int Control(int operation, int fd, Watch watch, int index, uint generation, uint events)
    {
        byte* at = stackalloc byte[16];
        *(uint*)at = events;
        *(ulong*)(at + Machine.EpollDataOffset) = ((ulong)watch << 56) | ((ulong)(uint)index << 32) | generation;
        return (int)Kernel.Call(NR.epoll_ctl, _epoll, operation, fd, (long)at);
    }
}
