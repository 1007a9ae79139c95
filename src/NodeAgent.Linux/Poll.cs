using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>poll(2) on one descriptor, for the rare waits that are worth a blocked thread.</summary>
public static unsafe partial class Poll
{
    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;

    /// <summary>True when one of the events (or an error or hang-up) is there; false when the time is over.</summary>
    public static bool Wait(SafeFileHandle target, short events, TimeSpan timeout)
    {
        pollfd wait = new() { fd = (int)target.DangerousGetHandle(), events = events };
        int ready;
        do
        {
            ready = poll(&wait, 1, (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue));
        }
        while (ready < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        return LinuxException.Check(ready, "poll") > 0;
    }

    private struct pollfd
    {
        public int fd;
        public short events;
        public short revents;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(pollfd* fds, nuint count, int timeoutMilliseconds);
}
