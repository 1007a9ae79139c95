using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>
/// One thread and one epoll for all shims of the daemon: a pod costs no thread, and nothing is polled.
/// Callbacks run on that thread and must not wait; tasks they complete continue elsewhere.
/// </summary>
public sealed class ShimReactor : IDisposable
{
    private const long StopToken = 0;

    private readonly SafeFileHandle _epoll = Epoll.Create();
    private readonly SafeFileHandle _stop = Epoll.CreateEventfd();
    private readonly ConcurrentDictionary<long, Action<long, uint>> _callbacks = new();
    private readonly Thread _thread;
    private long _lastToken;
    private bool _disposed;

    public ShimReactor()
    {
        LinuxException.Check(Epoll.Control(_epoll, Epoll.EPOLL_CTL_ADD, _stop, Epoll.EPOLLIN, StopToken), "epoll_ctl", "stop");
        _thread = new Thread(Run) { IsBackground = true, Name = "shims" };
        _thread.Start();
    }

    /// <summary>Calls back, with the token and what is ready, whenever the fd is readable or hung up. Returns the token for the other calls.</summary>
    internal long Watch(SafeFileHandle target, Action<long, uint> ready)
    {
        long token = Interlocked.Increment(ref _lastToken);
        _callbacks[token] = ready;
        if (Epoll.Control(_epoll, Epoll.EPOLL_CTL_ADD, target, Epoll.EPOLLIN, token) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            _callbacks.TryRemove(token, out _);
            throw new LinuxException("epoll_ctl", "shim", errno);
        }

        return token;
    }

    /// <summary>Asks to be called when the fd is writable as well, or no longer.</summary>
    internal void WantWritable(SafeFileHandle target, long token, bool wanted) =>
        _ = Epoll.Control(_epoll, Epoll.EPOLL_CTL_MOD, target, wanted ? Epoll.EPOLLIN | Epoll.EPOLLOUT : Epoll.EPOLLIN, token);

    /// <summary>To be called before the fd is closed. A callback that has begun may still be running.</summary>
    internal void Unwatch(SafeFileHandle target, long token)
    {
        if (_callbacks.TryRemove(token, out _) && !target.IsClosed)
            _ = Epoll.Control(_epoll, Epoll.EPOLL_CTL_DEL, target, 0, token);
    }

    /// <summary>Ends the thread. Connections are closed by their owners.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = FileContent.write((int)_stop.DangerousGetHandle(), BitConverter.GetBytes(1UL));
        _thread.Join();
        _stop.Dispose();
        _epoll.Dispose();
    }

    private void Run()
    {
        Span<Epoll.Event> events = stackalloc Epoll.Event[64];
        for (; ; )
        {
            int count = Epoll.Wait(_epoll, events);
            for (int i = 0; i < count; i++)
            {
                if (events[i].Data == StopToken)
                    return;
                if (_callbacks.TryGetValue(events[i].Data, out Action<long, uint>? ready))
                    ready(events[i].Data, events[i].Ready);
            }
        }
    }
}
