using System.Runtime.InteropServices;
using System.Text;

namespace NodeAgent.Linux;

/// <summary>
/// inotify(7). -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class Inotify
{
    public const int IN_CLOEXEC = 0x80000;

    public const uint IN_MODIFY = 0x2;
    public const uint IN_ATTRIB = 0x4;
    public const uint IN_CLOSE_WRITE = 0x8;
    public const uint IN_MOVED_FROM = 0x40;
    public const uint IN_MOVED_TO = 0x80;
    public const uint IN_CREATE = 0x100;
    public const uint IN_DELETE = 0x200;
    public const uint IN_DELETE_SELF = 0x400;
    public const uint IN_MOVE_SELF = 0x800;
    public const uint IN_UNMOUNT = 0x2000;
    public const uint IN_Q_OVERFLOW = 0x4000;
    public const uint IN_IGNORED = 0x8000;
    public const uint IN_ONLYDIR = 0x1000000;
    public const uint IN_ONESHOT = 0x80000000;
    public const uint IN_ISDIR = 0x40000000;

    /// <summary>struct inotify_event without its name: s32 wd, u32 mask, u32 cookie, u32 len.</summary>
    private const int HeaderSize = 16;

    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_init1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int inotify_rm_watch(int fd, int wd);

    public static int inotify_add_watch(int fd, ReadOnlySpan<byte> path, uint mask)
    {
        fixed (byte* p = CString.Checked(path))
            return inotify_add_watch(fd, p, mask);
    }

    /// <summary>Splits the first record off what read(2) gave. False when none is left.</summary>
    public static bool Next(ref ReadOnlySpan<byte> records, out InotifyEvent record)
    {
        if (records.Length < HeaderSize)
        {
            record = default;
            return false;
        }

        int length = MemoryMarshal.Read<int>(records[12..]);
        var name = records.Slice(HeaderSize, length);
        int end = name.IndexOf((byte)0);
        record = new InotifyEvent(
            MemoryMarshal.Read<int>(records),
            MemoryMarshal.Read<uint>(records[4..]),
            MemoryMarshal.Read<uint>(records[8..]),
            Encoding.UTF8.GetString(end < 0 ? name : name[..end]));
        records = records[(HeaderSize + length)..];
        return true;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int inotify_add_watch(int fd, byte* path, uint mask);
}

/// <param name="Watch">Descriptor that inotify_add_watch gave; -1 for an overflow.</param>
/// <param name="Mask">Bits of <see cref="Inotify"/>.</param>
/// <param name="Cookie">Ties IN_MOVED_FROM to IN_MOVED_TO.</param>
/// <param name="Name">Within the watched directory; empty for the directory itself. Names that are not UTF-8 carry replacement characters.</param>
public readonly record struct InotifyEvent(int Watch, uint Mask, uint Cookie, string Name);
