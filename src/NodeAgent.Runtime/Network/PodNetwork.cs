using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Network;

/// <summary>
/// A pod's network namespace, held open, and some sockets in it that are not used yet: probes come every second, and each would otherwise wait for the thread
/// that may enter the namespace. Everything here keeps the namespace alive, so it is disposed with the sandbox.
/// </summary>
/// <param name="handle">The namespace; owned.</param>
internal sealed class PodNetwork(SafeFileHandle handle) : IDisposable
{
    private const int Batch = 8;

    private readonly ConcurrentBag<SafeSocketHandle> _spare = [];

    /// <summary>A TCP socket that is not connected yet. Throws <see cref="LinuxException"/>, or <see cref="ObjectDisposedException"/> once the sandbox is down.</summary>
    public async ValueTask<Socket> OpenTcpAsync(NamespaceSockets sockets, bool ipv6)
    {
        ObjectDisposedException.ThrowIf(handle.IsClosed, this);
        if (!ipv6 && _spare.TryTake(out SafeSocketHandle? ready)) return new Socket(ready);
        SafeSocketHandle[] opened = await sockets.OpenTcpAsync(handle, ipv6, ipv6 ? 1 : Batch);
        foreach (SafeSocketHandle socket in opened.AsSpan(1)) _spare.Add(socket);
        // Put there after they had been cleared away.
        if (handle.IsClosed) Clear();
        return new Socket(opened[0]);
    }

    public void Dispose()
    {
        handle.Dispose();
        Clear();
    }

    private void Clear()
    {
        while (_spare.TryTake(out SafeSocketHandle? socket)) socket.Dispose();
    }
}
