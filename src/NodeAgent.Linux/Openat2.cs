using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// open(2), openat2(2) (Linux 5.6), close(2). Paths are bytes that end with a NUL: file names on Linux are not text.
/// Every call returns -1 on failure and leaves the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class Openat2
{
    public const int AT_FDCWD = -100;

    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_TRUNC = 0x200;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;

    // The two flags whose values differ between x86_64 and arm64 (asm/fcntl.h).
    public static readonly int O_DIRECTORY = IsArm64 ? 0x4000 : 0x10000;
    public static readonly int O_NOFOLLOW = IsArm64 ? 0x8000 : 0x20000;

    public const ulong RESOLVE_NO_XDEV = 0x01;
    public const ulong RESOLVE_NO_MAGICLINKS = 0x02;
    public const ulong RESOLVE_NO_SYMLINKS = 0x04;
    public const ulong RESOLVE_BENEATH = 0x08;
    public const ulong RESOLVE_IN_ROOT = 0x10;

    private const int SYS_openat2 = 437;

    private static bool IsArm64 => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>struct open_how of linux/openat2.h.</summary>
    public struct open_how
    {
        public ulong flags;
        public ulong mode;
        public ulong resolve;
    }

    /// <summary>Opens relative to a directory, as the caller's <paramref name="resolve"/> flags confine it.</summary>
    public static int openat2(int dirfd, ReadOnlySpan<byte> path, int flags, uint mode, ulong resolve)
    {
        open_how how = new() { flags = (uint)flags, mode = mode, resolve = resolve };
        fixed (byte* p = CString.Checked(path))
            return (int)syscall(SYS_openat2, dirfd, p, &how, (nuint)sizeof(open_how));
    }

    public static int openat(int dirfd, ReadOnlySpan<byte> path, int flags, uint mode = 0)
    {
        fixed (byte* p = CString.Checked(path))
            return openat(dirfd, p, flags, mode);
    }

    /// <summary>Opens a path of the host and throws when that fails.</summary>
    public static int OpenPath(string path, int flags, uint mode = 0) =>
        LinuxException.Check(openat(AT_FDCWD, CString.Of(path), flags, mode), "open", path);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, int dirfd, byte* path, open_how* how, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(int dirfd, byte* path, int flags, uint mode);
}
