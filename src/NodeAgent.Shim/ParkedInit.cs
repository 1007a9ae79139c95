namespace NodeAgent.Shim;

/// <summary>
/// The pod's init in a shared pid namespace: a fork of the shim that never executes anything. It reaps what is re-parented to it and
/// exits with 0 on SIGTERM or SIGINT, which ends the namespace. The kernel delivers a signal to a namespace's init from inside only if
/// it is not ignored; blocked ones are queued, so waiting for them works with no handler (signal(7), pid_namespaces(7)).
/// </summary>
internal static unsafe class ParkedInit
{
    public static void Run()
    {
        ulong all = ulong.MaxValue;
        Kernel.Call(NR.rt_sigprocmask, Kernel.SIG_SETMASK, (long)&all, 0, 8);
        Kernel.Call(NR.prctl, Kernel.PR_SET_NAME, (long)Memory.Literal("pause"u8));
        Kernel.Call(NR.chdir, (long)Memory.Literal("/"u8));
        Scratch.GiveBack();

        // Closes the report socket as well: with it START is answered.
        Kernel.Call(NR.close_range, 0, uint.MaxValue, 0);
        ulong waited = (1UL << (Kernel.SIGCHLD - 1)) | (1UL << (Kernel.SIGTERM - 1)) | (1UL << (Kernel.SIGINT - 1));
        for (; ; )
        {
            while (Kernel.Call(NR.wait4, -1, 0, Kernel.WNOHANG | Kernel.WALL, 0) > 0)
            {
            }

            long signal = Kernel.Call(NR.rt_sigtimedwait, (long)&waited, 0, 0, 8);
            if (signal is Kernel.SIGTERM or Kernel.SIGINT)
                Kernel.ExitGroup(0);
        }
    }
}
