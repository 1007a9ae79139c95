// podagent-shim: one per pod. It holds the pod's namespaces, is the parent of its processes, moves their output into log files and
// records their ends. It decides nothing: what a process is to become arrives as a syscall program.
//
// It is started by posix_spawn with /dev/null as stdio, the listening socket as fd 3, the record directory as fd 4, if wanted its
// cgroup as fd 5, and any argument list (the pod's uid, for ps). Exit codes: 0 ended on request, 1 could not begin, 134/135 an
// invariant broke.
namespace NodeAgent.Shim;

internal static unsafe class Program
{
    /// <summary>CLOCK_REALTIME nanoseconds.</summary>
    public static long StartedAt { get; private set; }

#if ZERO
    /// <summary>Called by _start in the linker script with the kernel's argc and argv.</summary>
    [System.Runtime.RuntimeExport("main")]
    private static int Entry(int argc, byte** argv)
    {
        StackGuard.Seed(argc, argv);
        return Serve();
    }

    private static void Main()
    {
    }
#else
    private static int Main() => Serve();
#endif

#if ZERO
    /// <summary>
    /// Goes on as a copy of itself that is born in its cgroup, a child of the same parent: to move a process that exists costs the whole
    /// machine an RCU grace period, 5 to 15 ms. Without a cgroup, or where the kernel can't, this process goes on itself.
    /// </summary>
    /// <returns>True in the original, which is to end.</returns>
    private static bool BornIntoCgroup()
    {
        CloneArgs args = new() { Flags = Kernel.CLONE_PARENT | Kernel.CLONE_INTO_CGROUP, Cgroup = ShimAbi.CgroupFd };
        return Kernel.Call(NR.clone3, (long)&args, sizeof(CloneArgs)) > 0;
    }
#endif

    private static int Serve()
    {
        StartedAt = Kernel.Now(Kernel.CLOCK_REALTIME);
#if ZERO
        if (BornIntoCgroup())
            return 0;
#endif
        Kernel.Call(NR.prctl, Kernel.PR_SET_NAME, (long)Memory.Literal("podagent-shim"u8));
        Kernel.Call(NR.prctl, Kernel.PR_SET_CHILD_SUBREAPER, 1);
        Kernel.Call(NR.prctl, Kernel.PR_SET_DUMPABLE, 0);
        Kernel.Call(NR.setsid);
        Kernel.Call(NR.umask, 0x12 /* 022 */);
        Kernel.Call(NR.chdir, (long)Memory.Literal("/"u8));

        // What it inherited stays its own: no payload may see the listener, the records or a stray fd of the daemon's.
        const int CLOSE_RANGE_CLOEXEC = 4;
        Kernel.Call(NR.close_range, ShimAbi.RecordDirectoryFd + 1, uint.MaxValue, 0);
        Kernel.Call(NR.close_range, ShimAbi.ListenFd, ShimAbi.RecordDirectoryFd, CLOSE_RANGE_CLOEXEC);
        if (EventLoop.Initialize() < 0 || !Scratch.Initialize() || !Slots.Initialize() || !Tees.Initialize() || Signals.Initialize() < 0 ||
            !Connections.Initialize())
        {
            return 1;
        }

        EventLoop.Run();

        // What a grandchild wrote and nobody has ended.
        for (int i = 0; i < Slots.Used; i++)
        {
            Streams.Drain(Slots.At(i));
            Streams.CloseAll(Slots.At(i));
        }

        return 0;
    }
}
