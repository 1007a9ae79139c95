namespace NodeAgent.Shim;

/// <summary>
/// The shim blocks every signal and reads the two it acts on. SIGCHLD is a hint to look for orphans that were re-parented to it; the
/// processes it started announce themselves by pidfd. SIGTERM (systemd stopping the pod's unit sends it to the containers too) ends the
/// shim as soon as its processes have ended and their records are written.
/// </summary>
internal static unsafe class Signals
{
    private static int _fd;

    public static int Fd => _fd;

    public static int Initialize()
    {
        ResetDispositions();
        ulong all = ulong.MaxValue;
        Kernel.Call(NR.rt_sigprocmask, Kernel.SIG_SETMASK, (long)&all, 0, 8);
        KernelSigaction ignore = new() { Handler = Kernel.SIG_IGN };
        Kernel.Call(NR.rt_sigaction, Kernel.SIGPIPE, (long)&ignore, 0, 8);
        ulong read = (1UL << (Kernel.SIGCHLD - 1)) | (1UL << (Kernel.SIGTERM - 1));
        _fd = (int)Kernel.Call(NR.signalfd4, -1, (long)&read, 8, Kernel.O_CLOEXEC | Kernel.O_NONBLOCK);
        return _fd < 0 ? _fd : EventLoop.Add(_fd, Watch.Signals, 0, 0);
    }

    /// <summary>In a child: nothing ignored, nothing blocked. The shim ignores SIGPIPE only, and ignored signals survive execve.</summary>
    public static void ResetForChild()
    {
        KernelSigaction standard = default;
        Kernel.Call(NR.rt_sigaction, Kernel.SIGPIPE, (long)&standard, 0, 8);
        ulong none = 0;
        Kernel.Call(NR.rt_sigprocmask, Kernel.SIG_SETMASK, (long)&none, 0, 8);
    }

    public static void Read()
    {
        // struct signalfd_siginfo is 128 bytes and starts with the signal number.
        byte* info = Scratch.Text;
        while (Kernel.Read(_fd, info, 128) == 128)
        {
            if (*(uint*)info == Kernel.SIGTERM)
                EventLoop.Ending = true;
        }

        Containers.SweepWanted = true;
    }

    private static void ResetDispositions()
    {
        KernelSigaction standard = default;
        for (int signal = 1; signal <= 64; signal++)
            Kernel.Call(NR.rt_sigaction, signal, (long)&standard, 0, 8);
    }
}
