using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>The terminal on a file descriptor: termios(3) and ioctl_tty(2).</summary>
public static partial class Terminal
{
    private const int TCSANOW = 0;
    private const int TIOCGWINSZ = 0x5413;

    // struct termios of glibc is 60 bytes on every architecture; only cfmakeraw looks into it.
    private const int TermiosBytes = 60;

    public static bool IsTerminal(int fd) => isatty(fd) == 1;

    /// <summary>Columns and rows, or null when the descriptor is no terminal or its size is not known.</summary>
    public static unsafe (int Columns, int Rows)? Size(int fd)
    {
        ushort* size = stackalloc ushort[4];
        return ioctl(fd, TIOCGWINSZ, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[1], size[0]) : null;
    }

    /// <summary>Hands every byte through as it is typed, Ctrl-C too. Null when the descriptor is no terminal.</summary>
    /// <returns>The settings before, for <see cref="Restore"/>.</returns>
    public static unsafe byte[]? MakeRaw(int fd)
    {
        byte[] before = new byte[TermiosBytes];
        byte* raw = stackalloc byte[TermiosBytes];
        fixed (byte* saved = before)
        {
            if (tcgetattr(fd, saved) != 0) return null;
            new ReadOnlySpan<byte>(saved, TermiosBytes).CopyTo(new Span<byte>(raw, TermiosBytes));
        }
        cfmakeraw(raw);
        return tcsetattr(fd, TCSANOW, raw) == 0 ? before : null;
    }

    public static unsafe void Restore(int fd, byte[] settings)
    {
        fixed (byte* saved = settings) tcsetattr(fd, TCSANOW, saved);
    }

    [LibraryImport("libc")]
    private static partial int isatty(int fd);

    [LibraryImport("libc")]
    private static unsafe partial int tcgetattr(int fd, void* termios);

    [LibraryImport("libc")]
    private static unsafe partial int tcsetattr(int fd, int actions, void* termios);

    [LibraryImport("libc")]
    private static unsafe partial void cfmakeraw(void* termios);

    [LibraryImport("libc")]
    private static unsafe partial int ioctl(int fd, nuint request, void* argument);
}
