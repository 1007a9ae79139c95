using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>epoll(7), eventfd(2), level-triggered. -1 means failure with the error number in <see cref="Marshal.GetLastPInvokeError"/>.</summary>
public static unsafe partial class Epoll
{
    public const uint EPOLLIN = 1;
    public const uint EPOLLOUT = 4;
    public const uint EPOLLERR = 8;
    public const uint EPOLLHUP = 16;

    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;

    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;

    /// <summary>What is ready, and the number it was registered with.</summary>
    public readonly record struct Event(uint Ready, long Data);

    // struct epoll_event is packed on x86_64 only.
    private static int EventSize => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static int DataOffset => EventSize - 8;

    public static SafeFileHandle Create() => new(LinuxException.Check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"), ownsHandle: true);

    public static SafeFileHandle CreateEventfd() => new(LinuxException.Check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"), ownsHandle: true);

    public static int Control(SafeFileHandle epoll, int operation, SafeFileHandle target, uint events, long data)
    {
        byte* entry = stackalloc byte[16];
        *(uint*)entry = events;
        *(long*)(entry + DataOffset) = data;
        return epoll_ctl(epoll, operation, target, entry);
    }

    /// <summary>Waits without end for at least one event; returns how many are in <paramref name="events"/>, or -1 (EINTR).</summary>
    public static int Wait(SafeFileHandle epoll, Span<Event> events)
    {
        const int Most = 64;
        byte* ready = stackalloc byte[Most * 16];
        int count = epoll_wait(epoll, ready, Math.Min(events.Length, Most), -1);
        for (int i = 0; i < count; i++)
        {
            byte* entry = ready + i * EventSize;
            events[i] = new Event(*(uint*)entry, *(long*)(entry + DataOffset));
        }

        return count;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(SafeFileHandle epoll, int operation, SafeFileHandle target, byte* entry);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(SafeFileHandle epoll, byte* events, int max, int timeout);
}
