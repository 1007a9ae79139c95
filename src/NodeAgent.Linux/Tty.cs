namespace NodeAgent.Linux;

/// <summary>Terminal requests of ioctl(2), <c>asm-generic/ioctls.h</c>. See ioctl_tty(2).</summary>
public static class Tty
{
    public const int TIOCSCTTY = 0x540e;
    public const int TIOCSWINSZ = 0x5414;
    public const int TIOCSPTLCK = 0x40045431;

    /// <summary>Opens the other end of a master without going through a path (Linux 4.13).</summary>
    public const int TIOCGPTPEER = 0x5441;
}
