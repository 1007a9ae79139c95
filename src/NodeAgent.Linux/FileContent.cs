using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// read(2), write(2), truncate(2), fsync(2), sync(2), flock(2).
/// -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class FileContent
{
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int LOCK_UN = 8;

    public static long read(int fd, Span<byte> buffer)
    {
        fixed (byte* b = buffer)
            return read(fd, b, (nuint)buffer.Length);
    }

    public static long write(int fd, ReadOnlySpan<byte> data)
    {
        fixed (byte* d = data)
            return write(fd, d, (nuint)data.Length);
    }

    public static long pwrite(int fd, ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* d = data)
            return pwrite(fd, d, (nuint)data.Length, offset);
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsync(int fd);

    /// <summary>Writes back the whole filesystem that the descriptor is on.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int syncfs(int fd);

    /// <summary>The lock belongs to the open file description: it goes with its last descriptor, however the process ends.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* data, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwrite(int fd, byte* data, nuint count, long offset);
}
