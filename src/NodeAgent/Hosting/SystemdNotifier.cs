using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace NodeAgent.Hosting;

/// <summary>
/// Tells the service manager what the daemon does, by the datagram protocol of sd_notify(3). Without <c>NOTIFY_SOCKET</c> it says nothing to nobody.
/// </summary>
public sealed class SystemdNotifier : IDisposable
{
    private readonly Socket? _socket;

    /// <param name="notifySocket">Value of <c>NOTIFY_SOCKET</c>: a path, or a name in the abstract namespace written with a leading <c>@</c>.</param>
    /// <param name="watchdogMicroseconds">Value of <c>WATCHDOG_USEC</c>.</param>
    public SystemdNotifier(string? notifySocket, string? watchdogMicroseconds)
    {
        if (long.TryParse(watchdogMicroseconds, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds > 0)
            WatchdogInterval = TimeSpan.FromMicroseconds(microseconds / 2.0);
        if (string.IsNullOrEmpty(notifySocket))
            return;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _socket.Connect(new UnixDomainSocketEndPoint(notifySocket[0] == '@' ? "\0" + notifySocket[1..] : notifySocket));
    }

    /// <summary>How often the manager wants to hear WATCHDOG=1: half its limit; null when it does not ask.</summary>
    public TimeSpan? WatchdogInterval { get; }

    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    public void Status(string status) => Send("STATUS=" + status);

    public void Stopping() => Send("STOPPING=1");

    public void Watchdog() => Send("WATCHDOG=1");

    public void Dispose() => _socket?.Dispose();

    private void Send(string message)
    {
        try
        {
            _socket?.Send(Encoding.UTF8.GetBytes(message));
        }
        catch (SocketException)
        {
            // The manager is restarting or gone. Nothing here depends on it, and the next message tells it all again.
        }
    }
}
