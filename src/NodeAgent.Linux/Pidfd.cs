using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>Processes by descriptor: pidfd_open(2) (Linux 5.3), pidfd_send_signal(2) (5.1), waitid(2) with P_PIDFD (5.4).</summary>
public static unsafe partial class Pidfd
{
    private const int SYS_pidfd_send_signal = 424;
    private const int SYS_pidfd_open = 434;
    private const int P_PIDFD = 3;
    private const int WEXITED = 4;
    private const int WNOHANG = 1;

    /// <summary>Also children made with another exit signal than SIGCHLD.</summary>
    private const int __WALL = 0x40000000;
    private const int SiginfoSize = 128;

    /// <summary>Null when there is no such process (ESRCH). For a child that has not been waited for, the pid cannot mean another process.</summary>
    public static SafeFileHandle? Open(int pid)
    {
        int fd = (int)syscall(SYS_pidfd_open, pid, 0, 0, 0);
        if (fd >= 0)
            return new SafeFileHandle(fd, ownsHandle: true);
        if (Marshal.GetLastPInvokeError() == Errno.ESRCH)
            return null;
        throw new LinuxException("pidfd_open", $"pid {pid}", Marshal.GetLastPInvokeError());
    }

    /// <summary>False when the process is gone.</summary>
    public static bool SendSignal(SafeFileHandle pidfd, int signal)
    {
        bool added = false;
        try
        {
            pidfd.DangerousAddRef(ref added);
            if (syscall(SYS_pidfd_send_signal, pidfd.DangerousGetHandle(), signal, 0, 0) == 0)
                return true;
        }
        finally
        {
            if (added)
                pidfd.DangerousRelease();
        }

        if (Marshal.GetLastPInvokeError() == Errno.ESRCH)
            return false;
        throw new LinuxException("pidfd_send_signal", $"signal {signal}", Marshal.GetLastPInvokeError());
    }

    /// <summary>Reaps a child that has ended. False while it lives, or when it is no child of ours.</summary>
    public static bool TryReap(SafeFileHandle pidfd)
    {
        byte* info = stackalloc byte[SiginfoSize];
        new Span<byte>(info, SiginfoSize).Clear();
        return waitid(P_PIDFD, pidfd, info, WEXITED | WNOHANG | __WALL) == 0 && *(int*)info != 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitid(int idType, SafeFileHandle id, byte* info, int options);
}
