using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// chmod(2), chown(2), utimensat(2), statx(2): what an inode says about itself.
/// Paths end with a NUL; -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class InodeAttributes
{
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_EMPTY_PATH = 0x1000;

    public const uint S_IFMT = 0xF000;
    public const uint S_IFIFO = 0x1000;
    public const uint S_IFCHR = 0x2000;
    public const uint S_IFDIR = 0x4000;
    public const uint S_IFBLK = 0x6000;
    public const uint S_IFREG = 0x8000;
    public const uint S_IFLNK = 0xA000;
    public const uint S_IFSOCK = 0xC000;

    public const uint STATX_BASIC_STATS = 0x7ff;

    public const long UTIME_NOW = 0x3fffffff;
    public const long UTIME_OMIT = 0x3ffffffe;

    /// <summary>struct timespec (64 bit).</summary>
    public struct timespec
    {
        public long tv_sec;
        public long tv_nsec;
    }

    /// <summary>struct statx_timestamp of linux/stat.h.</summary>
    public struct statx_timestamp
    {
        public long tv_sec;
        public uint tv_nsec;
        public int __reserved;
    }

    /// <summary>struct statx of linux/stat.h, 256 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    public struct statx_t
    {
        public uint stx_mask;
        public uint stx_blksize;
        public ulong stx_attributes;
        public uint stx_nlink;
        public uint stx_uid;
        public uint stx_gid;
        public ushort stx_mode;
        public ushort __spare0;
        public ulong stx_ino;
        public ulong stx_size;
        public ulong stx_blocks;
        public ulong stx_attributes_mask;
        public statx_timestamp stx_atime;
        public statx_timestamp stx_btime;
        public statx_timestamp stx_ctime;
        public statx_timestamp stx_mtime;
        public uint stx_rdev_major;
        public uint stx_rdev_minor;
        public uint stx_dev_major;
        public uint stx_dev_minor;

        public readonly uint Type => stx_mode & S_IFMT;
        public readonly uint Permissions => stx_mode & 0xFFFu;
    }

    public static int statx(int dirfd, ReadOnlySpan<byte> path, int flags, uint mask, out statx_t result)
    {
        fixed (byte* p = CString.Checked(path))
        fixed (statx_t* r = &result)
            return statx(dirfd, p, flags, mask, r);
    }

    /// <summary>The inode behind an open descriptor, O_PATH ones too.</summary>
    public static int statx(int fd, out statx_t result) => statx(fd, "\0"u8, AT_EMPTY_PATH, STATX_BASIC_STATS, out result);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchmod(int fd, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchown(int fd, uint owner, uint group);

    public static int fchmodat(int dirfd, ReadOnlySpan<byte> path, uint mode)
    {
        fixed (byte* p = CString.Checked(path))
            return fchmodat(dirfd, p, mode, 0);
    }

    public static int fchownat(int dirfd, ReadOnlySpan<byte> path, uint owner, uint group, int flags)
    {
        fixed (byte* p = CString.Checked(path))
            return fchownat(dirfd, p, owner, group, flags);
    }

    public static int utimensat(int dirfd, ReadOnlySpan<byte> path, timespec accessed, timespec modified, int flags)
    {
        timespec* times = stackalloc timespec[2] { accessed, modified };
        fixed (byte* p = CString.Checked(path))
            return utimensat(dirfd, p, times, flags);
    }

    public static int futimens(int fd, timespec accessed, timespec modified)
    {
        timespec* times = stackalloc timespec[2] { accessed, modified };
        return futimens(fd, times);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int dirfd, byte* path, int flags, uint mask, statx_t* result);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmodat(int dirfd, byte* path, uint mode, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchownat(int dirfd, byte* path, uint owner, uint group, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int utimensat(int dirfd, byte* path, timespec* times, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int futimens(int fd, timespec* times);
}
