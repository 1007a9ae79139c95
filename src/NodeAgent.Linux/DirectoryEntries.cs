using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// mkdir(2), mknod(2), link(2), symlink(2), readlink(2), unlink(2), rename(2), getdents(2), in their <c>*at</c> forms.
/// Paths end with a NUL; -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class DirectoryEntries
{
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;

    public const uint RENAME_NOREPLACE = 1;
    public const uint RENAME_EXCHANGE = 2;

    public const byte DT_UNKNOWN = 0;
    public const byte DT_CHR = 2;
    public const byte DT_DIR = 4;
    public const byte DT_REG = 8;
    public const byte DT_LNK = 10;

    public static int mkdirat(int dirfd, ReadOnlySpan<byte> path, uint mode)
    {
        fixed (byte* p = CString.Checked(path))
            return mkdirat(dirfd, p, mode);
    }

    /// <param name="dev">As makedev(3) packs it, see <see cref="makedev"/>; only for device nodes.</param>
    public static int mknodat(int dirfd, ReadOnlySpan<byte> path, uint mode, ulong dev)
    {
        fixed (byte* p = CString.Checked(path))
            return mknodat(dirfd, p, mode, dev);
    }

    /// <summary>glibc's packing of a device number (sys/sysmacros.h).</summary>
    public static ulong makedev(uint major, uint minor) =>
        ((ulong)(major & 0xfffff000) << 32) | ((major & 0xfffUL) << 8) | ((ulong)(minor & 0xffffff00) << 12) | (minor & 0xffUL);

    public static int linkat(int olddirfd, ReadOnlySpan<byte> oldpath, int newdirfd, ReadOnlySpan<byte> newpath, int flags)
    {
        fixed (byte* o = CString.Checked(oldpath), n = CString.Checked(newpath))
            return linkat(olddirfd, o, newdirfd, n, flags);
    }

    public static int symlinkat(ReadOnlySpan<byte> target, int newdirfd, ReadOnlySpan<byte> linkpath)
    {
        fixed (byte* t = CString.Checked(target), l = CString.Checked(linkpath))
            return symlinkat(t, newdirfd, l);
    }

    /// <summary>Bytes of the link's target put into <paramref name="buffer"/>, without a NUL.</summary>
    public static long readlinkat(int dirfd, ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        fixed (byte* p = CString.Checked(path), b = buffer)
            return readlinkat(dirfd, p, b, (nuint)buffer.Length);
    }

    public static int unlinkat(int dirfd, ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* p = CString.Checked(path))
            return unlinkat(dirfd, p, flags);
    }

    public static int renameat2(int olddirfd, ReadOnlySpan<byte> oldpath, int newdirfd, ReadOnlySpan<byte> newpath, uint flags)
    {
        fixed (byte* o = CString.Checked(oldpath), n = CString.Checked(newpath))
            return renameat2(olddirfd, o, newdirfd, n, flags);
    }

    /// <summary>Fills <paramref name="buffer"/> with linux_dirent64 records; 0 at the end. Read them with <see cref="Next"/>.</summary>
    public static long getdents64(int fd, Span<byte> buffer)
    {
        fixed (byte* b = buffer)
            return getdents64(fd, b, (nuint)buffer.Length);
    }

    /// <summary>
    /// Splits the first record off <paramref name="records"/>: its name with the NUL, and its type. False when none is left.
    /// </summary>
    public static bool Next(ref ReadOnlySpan<byte> records, out ReadOnlySpan<byte> name, out byte type)
    {
        // struct linux_dirent64: u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type, char d_name[].
        const int nameOffset = 19;
        if (records.Length <= nameOffset)
        {
            name = default;
            type = DT_UNKNOWN;
            return false;
        }
        int length = MemoryMarshal.Read<ushort>(records[16..]);
        type = records[18];
        ReadOnlySpan<byte> rest = records[nameOffset..length];
        name = rest[..(rest.IndexOf((byte)0) + 1)];
        records = records[length..];
        return true;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mkdirat(int dirfd, byte* path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mknodat(int dirfd, byte* path, uint mode, ulong dev);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int linkat(int olddirfd, byte* oldpath, int newdirfd, byte* newpath, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int symlinkat(byte* target, int newdirfd, byte* linkpath);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint readlinkat(int dirfd, byte* path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlinkat(int dirfd, byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat2(int olddirfd, byte* oldpath, int newdirfd, byte* newpath, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getdents64(int fd, byte* buffer, nuint count);
}
