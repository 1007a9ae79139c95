using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// mount(2), umount2(2), pivot_root(2) and the calls that handle mounts as file descriptors: open_tree, move_mount, fsopen, fsconfig, fsmount (Linux 5.2),
/// mount_setattr (5.12). Strings end with a NUL. -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class Mounts
{
    public const int MS_RDONLY = 0x1;
    public const int MS_NOSUID = 0x2;
    public const int MS_NODEV = 0x4;
    public const int MS_NOEXEC = 0x8;
    public const int MS_REMOUNT = 0x20;
    public const int MS_BIND = 0x1000;
    public const int MS_REC = 0x4000;
    public const int MS_PRIVATE = 0x40000;
    public const int MS_SLAVE = 0x80000;
    public const int MS_SHARED = 0x100000;
    public const int MS_RELATIME = 0x200000;
    public const int MS_STRICTATIME = 0x1000000;

    public const int MNT_DETACH = 2;

    public const int AT_EMPTY_PATH = 0x1000;
    public const int AT_RECURSIVE = 0x8000;

    public const int OPEN_TREE_CLONE = 1;
    public const int OPEN_TREE_CLOEXEC = 0x80000;

    public const int MOVE_MOUNT_F_EMPTY_PATH = 0x4;
    public const int MOVE_MOUNT_T_EMPTY_PATH = 0x40;

    public const int FSOPEN_CLOEXEC = 1;
    public const int FSMOUNT_CLOEXEC = 1;

    public const int FSCONFIG_SET_FLAG = 0;
    public const int FSCONFIG_SET_STRING = 1;
    public const int FSCONFIG_CMD_CREATE = 6;

    public const ulong MOUNT_ATTR_RDONLY = 0x1;
    public const ulong MOUNT_ATTR_NOSUID = 0x2;
    public const ulong MOUNT_ATTR_NODEV = 0x4;
    public const ulong MOUNT_ATTR_NOEXEC = 0x8;

    // These five came with one number for every architecture.
    private const int SYS_open_tree = 428;
    private const int SYS_fsopen = 430;
    private const int SYS_fsconfig = 431;
    private const int SYS_fsmount = 432;
    private const int SYS_mount_setattr = 442;

    /// <summary>struct mount_attr of linux/mount.h, 32 bytes.</summary>
    public struct mount_attr
    {
        public ulong attr_set;
        public ulong attr_clr;
        public ulong propagation;
        public ulong userns_fd;
    }

    public static int mount(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, ReadOnlySpan<byte> type, ulong flags, ReadOnlySpan<byte> data)
    {
        fixed (byte* s = CString.Checked(source))
        fixed (byte* t = CString.Checked(target))
        fixed (byte* f = CString.Checked(type))
        fixed (byte* d = CString.Checked(data))
            return mount(s, t, f, (nuint)flags, d);
    }

    public static int umount2(ReadOnlySpan<byte> target, int flags)
    {
        fixed (byte* t = CString.Checked(target))
            return umount2(t, flags);
    }

    /// <summary>The mount at a path; with OPEN_TREE_CLONE a detached copy, which vanishes with its last descriptor unless it is attached.</summary>
    public static int open_tree(int dirfd, ReadOnlySpan<byte> path, uint flags)
    {
        fixed (byte* p = CString.Checked(path))
            return (int)syscall(SYS_open_tree, dirfd, (nint)p, (nint)flags, 0, 0);
    }

    public static int fsopen(ReadOnlySpan<byte> type, uint flags)
    {
        fixed (byte* t = CString.Checked(type))
            return (int)syscall(SYS_fsopen, (nint)t, (nint)flags, 0, 0, 0);
    }

    public static int fsconfig(int fd, uint command, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        fixed (byte* k = key)
        fixed (byte* v = value)
            return (int)syscall(SYS_fsconfig, fd, (nint)command, (nint)k, (nint)v, 0);
    }

    public static int fsmount(int fd, uint flags, uint attributes) => (int)syscall(SYS_fsmount, fd, (nint)flags, (nint)attributes, 0, 0);

    /// <summary>Changes a mount, and with AT_RECURSIVE those below it, all or none.</summary>
    public static int mount_setattr(int dirfd, ReadOnlySpan<byte> path, uint flags, in mount_attr attributes)
    {
        fixed (byte* p = CString.Checked(path))
        fixed (mount_attr* a = &attributes)
            return (int)syscall(SYS_mount_setattr, dirfd, (nint)p, (nint)flags, (nint)a, sizeof(mount_attr));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mount(byte* source, byte* target, byte* type, nuint flags, byte* data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int umount2(byte* target, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e);
}
