using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>
/// Unix sockets that keep message boundaries and carry file descriptors: socket(2), bind(2), listen(2), connect(2), sendmsg(2), recvmsg(2), unix(7), cmsg(3).
/// Raw calls return -1 on failure and leave the error number in <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class Sockets
{
    public const int AF_UNIX = 1;
    public const int SOCK_STREAM = 1;
    public const int SOCK_SEQPACKET = 5;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;

    /// <summary>SCM_MAX_FD of the kernel.</summary>
    public const int MaxFdsPerMessage = 253;

    private const int PathOffset = 2;
    private const int MaxPath = 108;
    private const int ControlHeader = 16;

    /// <summary>A new close-on-exec, non-blocking AF_UNIX socket of that type.</summary>
    public static SafeFileHandle Unix(int type) =>
        new(LinuxException.Check(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", "AF_UNIX"), ownsHandle: true);

    /// <summary>A connected pair, both ends close-on-exec.</summary>
    public static (SafeFileHandle First, SafeFileHandle Second) UnixPair(int type)
    {
        int* pair = stackalloc int[2];
        LinuxException.Check(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), "socketpair", "AF_UNIX");
        return (new SafeFileHandle(pair[0], ownsHandle: true), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    /// <summary>0 or -1. Paths longer than 107 bytes go through /proc/self/fd of their directory.</summary>
    public static int BindUnix(SafeFileHandle socket, string path) => WithAddress(socket, path, &bind);

    /// <summary>0 or -1: ECONNREFUSED when nobody listens any more, ENOENT when there is no such socket, EAGAIN when the backlog is full.</summary>
    public static int ConnectUnix(SafeFileHandle socket, string path) => WithAddress(socket, path, &connect);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int listen(SafeFileHandle socket, int backlog);

    /// <summary>Sends one message with descriptors. Returns the bytes sent, or -1. The caller keeps <paramref name="fds"/> open meanwhile.</summary>
    public static int SendWithFds(SafeFileHandle socket, ReadOnlySpan<byte> message, ReadOnlySpan<int> fds, int flags)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fds.Length, MaxFdsPerMessage, nameof(fds));
        int controlLength = fds.IsEmpty ? 0 : ControlHeader + fds.Length * sizeof(int);
        byte* control = stackalloc byte[ControlHeader + (MaxFdsPerMessage + 1) * sizeof(int)];
        fixed (byte* data = message)
        {
            iovec vector = new() { iov_base = data, iov_len = (nuint)message.Length };
            msghdr header = new() { msg_iov = &vector, msg_iovlen = 1 };
            if (controlLength > 0)
            {
                *(nuint*)control = (nuint)controlLength;
                *(int*)(control + 8) = SOL_SOCKET;
                *(int*)(control + 12) = SCM_RIGHTS;
                fds.CopyTo(new Span<int>(control + ControlHeader, fds.Length));
                header.msg_control = control;
                header.msg_controllen = (nuint)((controlLength + 7) & ~7);
            }

            return (int)sendmsg(socket, &header, flags);
        }
    }

    /// <summary>Receives one message and the descriptors in it, close-on-exec. Returns its bytes, 0 at the end of the stream, or -1.</summary>
    public static int ReceiveWithFds(SafeFileHandle socket, Span<byte> buffer, out SafeFileHandle[] fds, int flags)
    {
        const int Room = ControlHeader + (MaxFdsPerMessage + 1) * sizeof(int);
        byte* control = stackalloc byte[Room];
        fds = [];
        fixed (byte* data = buffer)
        {
            iovec vector = new() { iov_base = data, iov_len = (nuint)buffer.Length };
            msghdr header = new() { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = Room };
            int got = (int)recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
            if (got < 0 || header.msg_controllen < ControlHeader)
                return got;
            if (*(int*)(control + 8) == SOL_SOCKET && *(int*)(control + 12) == SCM_RIGHTS)
            {
                fds = new SafeFileHandle[((int)*(nuint*)control - ControlHeader) / sizeof(int)];
                for (int i = 0; i < fds.Length; i++)
                    fds[i] = new SafeFileHandle(((int*)(control + ControlHeader))[i], ownsHandle: true);
            }

            return got;
        }
    }

    private static int WithAddress(SafeFileHandle socket, string path, delegate*<SafeFileHandle, byte*, uint, int> call)
    {
        byte* address = stackalloc byte[PathOffset + MaxPath];
        new Span<byte>(address, PathOffset + MaxPath).Clear();
        *(ushort*)address = AF_UNIX;
        if (Encoding.UTF8.GetByteCount(path) < MaxPath)
        {
            Encoding.UTF8.GetBytes(path, new Span<byte>(address + PathOffset, MaxPath));
            return call(socket, address, PathOffset + MaxPath);
        }

        string directory = Path.GetDirectoryName(path)!;
        using SafeFileHandle folder = new(Openat2.OpenPath(directory, Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);
        string shorter = $"/proc/self/fd/{folder.DangerousGetHandle()}/{Path.GetFileName(path)}";
        Encoding.UTF8.GetBytes(shorter, new Span<byte>(address + PathOffset, MaxPath));
        return call(socket, address, PathOffset + MaxPath);
    }

    private struct iovec
    {
        public byte* iov_base;
        public nuint iov_len;
    }

    private struct msghdr
    {
        public void* msg_name;
        public uint msg_namelen;
        public iovec* msg_iov;
        public nuint msg_iovlen;
        public byte* msg_control;
        public nuint msg_controllen;
        public int msg_flags;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(SafeFileHandle socket, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(SafeFileHandle socket, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(SafeFileHandle socket, msghdr* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(SafeFileHandle socket, msghdr* message, int flags);
}
