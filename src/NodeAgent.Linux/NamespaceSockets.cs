using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>
/// Opens sockets that belong to another network namespace. A socket stays in the namespace where it was made, whoever uses it then: see network_namespaces(7).
///
/// One thread of its own, for setns(2) moves threads:
/// <code>
///   home --request--> its namespace: socket(2) --next request--> the next namespace … --none left--> home
/// </code>
/// It goes home before it waits, because a thread keeps the namespace alive that it is in.
/// </summary>
public sealed partial class NamespaceSockets : IDisposable
{
    private const int AF_INET = 2;
    private const int AF_INET6 = 10;
    private const int SOCK_STREAM = 1;
    private const int SOCK_CLOEXEC = 0x80000;

    private readonly BlockingCollection<Request> _requests = [];
    private readonly Thread _thread;

    public NamespaceSockets()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "netns-sockets" };
        _thread.Start();
    }

    /// <summary>TCP sockets in that namespace, not connected yet.</summary>
    /// <param name="network">A network namespace; not disposed.</param>
    /// <param name="ipv6">AF_INET6 instead of AF_INET.</param>
    /// <param name="count">At least 1. Several at once cost hardly more than one: most of it is waking the thread.</param>
    public Task<SafeSocketHandle[]> OpenTcpAsync(SafeFileHandle network, bool ipv6, int count)
    {
        ObjectDisposedException.ThrowIf(_requests.IsAddingCompleted, this);
        Request request = new(network, ipv6 ? AF_INET6 : AF_INET, count);
        _requests.Add(request);
        return request.Opened.Task;
    }

    public void Dispose()
    {
        // The queue itself holds nothing that has to be given back.
        _requests.CompleteAdding();
        _thread.Join();
    }

    private void Run()
    {
        using var home = File.OpenHandle("/proc/thread-self/ns/net");
        foreach (Request first in _requests.GetConsumingEnumerable())
        {
            Serve(first);
            while (_requests.TryTake(out Request? next))
                Serve(next);
            // Nothing but a want of memory can prevent it, and every request names its own namespace.
            _ = Namespaces.setns(home, (int)Namespaces.CLONE_NEWNET);
        }
    }

    private static void Serve(Request request)
    {
        try
        {
            LinuxException.Check(Namespaces.setns(request.Network, (int)Namespaces.CLONE_NEWNET), "setns", "network namespace");
            SafeSocketHandle[] opened = new SafeSocketHandle[request.Count];
            for (int i = 0; i < opened.Length; i++)
            {
                int fd = socket(request.Family, SOCK_STREAM | SOCK_CLOEXEC, 0);
                // The first has to be had; the others are a saving.
                if (fd < 0 && i > 0)
                {
                    opened = opened[..i];
                    break;
                }
                opened[i] = new SafeSocketHandle(LinuxException.Check(fd, "socket", "TCP"), ownsHandle: true);
            }
            request.Opened.SetResult(opened);
        }
        catch (Exception e) when (e is LinuxException or ObjectDisposedException)
        {
            request.Opened.SetException(e);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    private sealed record Request(SafeFileHandle Network, int Family, int Count)
    {
        public TaskCompletionSource<SafeSocketHandle[]> Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
