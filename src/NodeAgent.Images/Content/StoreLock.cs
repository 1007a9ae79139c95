using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;

namespace NodeAgent.Images.Content;

/// <summary>Keeps a folder to one agent: flock(2) on a file in it, which the kernel releases however the process ends.</summary>
public sealed class StoreLock : IDisposable
{
    private const string FileName = ".lock";
    private int _fd;

    private StoreLock(int fd) => _fd = fd;

    /// <summary>Throws <see cref="ImageException"/> naming the process that holds the folder.</summary>
    public static StoreLock Acquire(string folder)
    {
        string path = Path.Combine(folder, FileName);
        int fd = Openat2.OpenPath(path, Openat2.O_RDWR | Openat2.O_CREAT | Openat2.O_CLOEXEC, 0x180 /* 0600 */);
        if (FileContent.flock(fd, FileContent.LOCK_EX | FileContent.LOCK_NB) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            string holder = ReadHolder(fd);
            _ = Openat2.close(fd);
            if (errno == Errno.EAGAIN)
            {
                throw new ImageException(
                    ImageFailure.ImageInspectError,
                    $"image store {folder} is in use by another agent (pid {holder}); give each agent a --root-dir of its own");
            }
            throw new LinuxException("flock", path, errno);
        }
        WriteHolder(fd);
        return new StoreLock(fd);
    }

    private static string ReadHolder(int fd)
    {
        Span<byte> text = stackalloc byte[16];
        long length = FileContent.read(fd, text);
        return length > 0 ? Encoding.ASCII.GetString(text[..(int)length]).Trim() : "unknown";
    }

    /// <summary>For the message of the one who comes second; the lock itself needs no content.</summary>
    private static void WriteHolder(int fd)
    {
        _ = FileContent.ftruncate(fd, 0);
        _ = FileContent.pwrite(fd, Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"), 0);
    }

    public void Dispose()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            _ = Openat2.close(fd);
    }
}
