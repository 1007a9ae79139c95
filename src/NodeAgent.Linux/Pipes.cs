using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>pipe2(2), O_NONBLOCK by fcntl(2), and the size of a terminal by ioctl_tty(2).</summary>
public static unsafe partial class Pipes
{
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;

    /// <summary>Both ends close on execve.</summary>
    public static (SafeFileHandle Read, SafeFileHandle Write) Create()
    {
        int* ends = stackalloc int[2];
        LinuxException.Check(pipe2(ends, Openat2.O_CLOEXEC), "pipe2");
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    public static SafeFileHandle Duplicate(SafeFileHandle fd) =>
        new(LinuxException.Check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC"), ownsHandle: true);

    /// <summary>Belongs to the open file: whoever shares it gets EAGAIN too.</summary>
    public static void SetNonBlocking(SafeFileHandle fd)
    {
        int flags = LinuxException.Check(fcntl(fd, F_GETFL, 0), "fcntl F_GETFL");
        LinuxException.Check(fcntl(fd, F_SETFL, flags | Openat2.O_NONBLOCK), "fcntl F_SETFL");
    }

    /// <summary>The process group in front gets SIGWINCH.</summary>
    public static void SetTerminalSize(SafeFileHandle terminal, int columns, int rows)
    {
        winsize size = new() { ws_row = (ushort)rows, ws_col = (ushort)columns };
        LinuxException.Check(ioctl(terminal, Tty.TIOCSWINSZ, &size), "ioctl TIOCSWINSZ");
    }

    /// <summary>struct winsize of asm-generic/termios.h.</summary>
    private struct winsize
    {
        public ushort ws_row;
        public ushort ws_col;
        public ushort ws_xpixel;
        public ushort ws_ypixel;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int pipe2(int* ends, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeFileHandle fd, nuint request, winsize* argument);
}
