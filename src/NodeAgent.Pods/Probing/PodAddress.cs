using System.Net.Sockets;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods.Probing;

/// <summary>
/// Where the servers of a pod are reached from the node.
///
/// | the pod                   | where                                             |
/// | has an address            | there, over the node's network                    |
/// | is on the node's network  | the node's address                                |
/// | has nothing but loopback  | its loopback, from inside: no packet leaves it    |
/// </summary>
public sealed class PodAddress(IPodRuntime runtime, PodUid uid, Func<string?> address)
{
    private const string Loopback = "127.0.0.1";

    /// <param name="sandbox">Of the run that is to be reached.</param>
    public static PodAddress Of(IPodRuntime runtime, PodUid uid, Pod pod, PodSandbox? sandbox, PodSurroundings surroundings) => new(
        runtime, uid,
        sandbox?.PodIPs is [var ip, ..] ? () => ip
        : pod.Spec?.HostNetwork == true ? () => surroundings.HostIPs() is [var host, ..] ? host : Loopback
        : () => null);

    /// <summary>The pod's address as it stands in messages and Host headers.</summary>
    public string Name => address() ?? Loopback;

    /// <summary>Throws <see cref="IOException"/> with what is wrong, in few words.</summary>
    /// <param name="host">Another host, which is reached over the node's network; null or empty for the pod itself.</param>
    public async ValueTask<Stream> ConnectAsync(string? host, int port, CancellationToken cancellationToken)
    {
        string? over = string.IsNullOrEmpty(host) ? address() : host;
        if (over is null)
            return await EnterAsync(port, cancellationToken);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(over, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException(e.SocketErrorCode == SocketError.ConnectionRefused ? "connection refused" : e.Message, e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async ValueTask<Stream> EnterAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            return (await runtime.ConnectAsync(uid, port, cancellationToken)).Stream;
        }
        catch (PodRuntimeException e) when (e.Failure == RuntimeFailure.ConnectionFailed)
        {
            throw new IOException("connection refused", e);
        }
    }
}
