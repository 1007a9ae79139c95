using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

public enum ShimTransfer
{
    Done,

    /// <summary>The socket's buffer is full, or empty: try again when it is ready.</summary>
    WouldBlock,

    /// <summary>The shim has ended.</summary>
    Gone,
}

/// <summary>A non-blocking connection to a shim that moves whole messages. Not thread-safe in one direction; the two directions are independent.</summary>
public sealed class ShimConnection : IDisposable
{
    private ShimConnection(SafeFileHandle socket) => Socket = socket;

    /// <summary>For epoll.</summary>
    public SafeFileHandle Socket { get; }

    /// <summary>Null when nobody listens at that path any more, or ever: the shim is dead.</summary>
    public static ShimConnection? Connect(string socketPath)
    {
        SafeFileHandle socket = Sockets.Unix(Sockets.SOCK_SEQPACKET);
        if (Sockets.ConnectUnix(socket, socketPath) == 0)
            return new ShimConnection(socket);
        int errno = Marshal.GetLastPInvokeError();
        socket.Dispose();
        return errno is Errno.ECONNREFUSED or Errno.ENOENT or Errno.ENOTDIR ? null : throw new LinuxException("connect", socketPath, errno);
    }

    public ShimTransfer Send(ReadOnlySpan<byte> message, IReadOnlyList<SafeFileHandle> fds)
    {
        Span<int> numbers = stackalloc int[fds.Count];
        int held = 0;
        try
        {
            for (; held < fds.Count; held++)
            {
                bool added = false;
                fds[held].DangerousAddRef(ref added);
                numbers[held] = (int)fds[held].DangerousGetHandle();
            }

            if (Sockets.SendWithFds(Socket, message, numbers, Sockets.MSG_DONTWAIT | Sockets.MSG_NOSIGNAL) >= 0)
                return ShimTransfer.Done;
        }
        finally
        {
            for (int i = 0; i < held; i++)
                fds[i].DangerousRelease();
        }

        return Outcome("sendmsg");
    }

    /// <param name="buffer">Room for <see cref="ShimAbi.MaxMessage"/>.</param>
    /// <param name="length">Bytes of the message.</param>
    /// <param name="fds">Descriptors that came with it; the caller's to dispose.</param>
    public ShimTransfer Receive(Span<byte> buffer, out int length, out SafeFileHandle[] fds)
    {
        length = Sockets.ReceiveWithFds(Socket, buffer, out fds, Sockets.MSG_DONTWAIT);
        if (length > 0)
            return ShimTransfer.Done;
        return length == 0 ? ShimTransfer.Gone : Outcome("recvmsg");
    }

    public void Dispose() => Socket.Dispose();

    private static ShimTransfer Outcome(string call) => Marshal.GetLastPInvokeError() switch
    {
        Errno.EAGAIN => ShimTransfer.WouldBlock,
        Errno.EPIPE or Errno.ECONNRESET or Errno.ENOTCONN => ShimTransfer.Gone,
        int errno => throw new LinuxException(call, "shim", errno),
    };
}
