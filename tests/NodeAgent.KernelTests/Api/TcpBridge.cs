using System.Net;
using System.Net.Sockets;

namespace NodeAgent.KernelTests.Api;

/// <summary>Passes connections to a loopback port on to a unix socket, for clients that speak only TCP.</summary>
internal sealed class TcpBridge : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly string _unixSocket;
    private readonly Task _accepting;

    public TcpBridge(string unixSocket)
    {
        _unixSocket = unixSocket;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true) _ = PassAsync(await _listener.AcceptSocketAsync(_stopping.Token));
    }

    private async Task PassAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            using (client)
            {
                await server.ConnectAsync(new UnixDomainSocketEndPoint(_unixSocket), _stopping.Token);
                await Task.WhenAll(CopyAsync(client, server), CopyAsync(server, client));
            }
        }
        catch (SocketException)
        {
            // Either end has gone, and with it the connection.
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[16 * 1024];
        while (await from.ReceiveAsync(buffer, SocketFlags.None, _stopping.Token) is var read and > 0)
        {
            for (int sent = 0; sent < read;) sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), SocketFlags.None, _stopping.Token);
        }
        to.Shutdown(SocketShutdown.Send);
    }
}
