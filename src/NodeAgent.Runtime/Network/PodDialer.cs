using System.Net;
using System.Net.Sockets;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.State;

namespace NodeAgent.Runtime.Network;

/// <summary>Connects to servers on the loopback of a pod's network.</summary>
internal sealed class PodDialer(RuntimeNode node) : IDisposable
{
    private readonly NamespaceSockets _sockets = new();

    public async Task<IPodConnection> ConnectAsync(LiveSandbox? sandbox, PodUid uid, int port, CancellationToken cancellationToken)
    {
        PodNetwork network = Find(sandbox) ?? throw new PodRuntimeException(RuntimeFailure.NotRunning, $"pod {uid}: it has no network at present");
        string name = sandbox!.Pod.Name;
        try
        {
            return await ConnectAsync(network, IPAddress.Loopback, port, cancellationToken);
        }
        catch (SocketException first)
        {
            try
            {
                return await ConnectAsync(network, IPAddress.IPv6Loopback, port, cancellationToken);
            }
            catch (Exception e) when (e is SocketException or LinuxException)
            {
                // The first says what is wrong where there is no IPv6.
                throw new PodRuntimeException(RuntimeFailure.ConnectionFailed, $"pod {name}: connect to 127.0.0.1:{port}: {Describe(first)}", first.NativeErrorCode, first);
            }
        }
        catch (Exception e) when (e is LinuxException or ObjectDisposedException)
        {
            throw new PodRuntimeException(RuntimeFailure.NotRunning, $"pod {name}: its network cannot be entered: {e.Message}", (e as LinuxException)?.Errno ?? 0, e);
        }
    }

    public void Dispose() => _sockets.Dispose();

    private PodNetwork? Find(LiveSandbox? sandbox)
    {
        try
        {
            return sandbox?.Network(node.Paths.Proc);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The shim has just ended.
            return null;
        }
    }

    private async Task<IPodConnection> ConnectAsync(PodNetwork network, IPAddress address, int port, CancellationToken cancellationToken)
    {
        Socket socket = await network.OpenTcpAsync(_sockets, address.AddressFamily == AddressFamily.InterNetworkV6);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken);
            return new PodConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Describe(SocketException error) => error.SocketErrorCode == SocketError.ConnectionRefused ? "connection refused" : error.Message;

    private sealed class PodConnection(Socket socket) : IPodConnection
    {
        public Stream Stream { get; } = new NetworkStream(socket, ownsSocket: true);

        public void CompleteWrites()
        {
            try
            {
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The other end has gone: nobody reads any more.
            }
        }

        public ValueTask DisposeAsync() => Stream.DisposeAsync();
    }
}
