using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// setxattr(2), getxattr(2), listxattr(2): extended attributes, whose values are bytes. Names and paths end with a NUL;
/// -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// The <c>l</c> forms do not follow a symbolic link at the end of the path.
/// </summary>
public static unsafe partial class Xattr
{
    public static int fsetxattr(int fd, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* n = CString.Checked(name), v = value)
            return fsetxattr(fd, n, v, (nuint)value.Length, 0);
    }

    public static int lsetxattr(ReadOnlySpan<byte> path, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* p = CString.Checked(path), n = CString.Checked(name), v = value)
            return lsetxattr(p, n, v, (nuint)value.Length, 0);
    }

    /// <summary>Size of the value; it is copied when <paramref name="value"/> is not empty.</summary>
    public static long fgetxattr(int fd, ReadOnlySpan<byte> name, Span<byte> value)
    {
        fixed (byte* n = CString.Checked(name), v = value)
            return fgetxattr(fd, n, v, (nuint)value.Length);
    }

    /// <inheritdoc cref="fgetxattr(int, ReadOnlySpan{byte}, Span{byte})"/>
    public static long lgetxattr(ReadOnlySpan<byte> path, ReadOnlySpan<byte> name, Span<byte> value)
    {
        fixed (byte* p = CString.Checked(path), n = CString.Checked(name), v = value)
            return lgetxattr(p, n, v, (nuint)value.Length);
    }

    /// <summary>Size of the list of names, each ended by a NUL; it is copied when <paramref name="list"/> is not empty.</summary>
    public static long flistxattr(int fd, Span<byte> list)
    {
        fixed (byte* l = list)
            return flistxattr(fd, l, (nuint)list.Length);
    }

    /// <inheritdoc cref="flistxattr(int, Span{byte})"/>
    public static long llistxattr(ReadOnlySpan<byte> path, Span<byte> list)
    {
        fixed (byte* p = CString.Checked(path), l = list)
            return llistxattr(p, l, (nuint)list.Length);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsetxattr(int fd, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int lsetxattr(byte* path, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint fgetxattr(int fd, byte* name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint lgetxattr(byte* path, byte* name, byte* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint flistxattr(int fd, byte* list, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint llistxattr(byte* path, byte* list, nuint size);
}
