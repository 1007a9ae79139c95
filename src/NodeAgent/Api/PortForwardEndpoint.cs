using System.Buffers.Binary;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Exec;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>
/// <c>…/pods/{name}/portforward?ports=80</c> over WebSocket: one TCP connection for each port named, each of which has a channel for data (2i) and one for its
/// errors (2i+1). The first message on each is the port, two bytes, the low one first. Source: the kubelet's cri/streaming/portforward/websocket.go.
/// In version 5, which is an addition here, a channel's end is told both ways, so that one side of a connection can be closed alone; in version 4 a
/// connection is over as soon as the server of the pod has closed its side.
/// </summary>
internal sealed class PortForwardEndpoint(IPodRuntime runtime)
{
    private const int MostPorts = 64;

    public async Task ConnectAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        int[] ports = [.. context.Request.Query["ports"].Concat(context.Request.Query["port"]).SelectMany(value => (value ?? "").Split(',')).Select(Port)];
        if (ports.Length is 0 or > MostPorts) throw ApiException.BadRequest($"port-forward needs ports, 1 to {MostPorts} of them, as ?ports=80");
        if (pod.Status?.Phase != PodPhase.Running)
            throw new ApiException(409, StatusReason.Conflict, $"unable to forward port because pod is not running. Current status={pod.Status?.Phase}");
        string protocol = ChannelSocket.Negotiate(context, "port-forward");
        using var socket = new ChannelSocket(await ChannelSocket.UpgradeAsync(context, protocol).ConfigureAwait(false));
        var forward = new Forward(socket, [.. ports.Select((port, i) => new Line((byte)(2 * i), port))], runtime, pod);
        await forward.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    private static int Port(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= ushort.MaxValue
            ? port
            : throw ApiException.BadRequest($"port \"{text}\": expected a number from 1 to 65535");

    /// <summary>One connection and its channels.</summary>
    private sealed class Line(byte data, int port)
    {
        public byte Data => data;
        public byte Error => (byte)(data + 1);
        public int Port => port;
        public TaskCompletionSource ClientEnded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public IPodConnection? Connection { get; set; }
    }

    private sealed class Forward(ChannelSocket socket, Line[] lines, IPodRuntime runtime, Pod pod)
    {
        public async Task RunAsync(CancellationToken cancellationToken)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task receiving = Task.CompletedTask;
            try
            {
                // Nothing is read before every connection is there to take it.
                foreach (Line line in lines) await OpenAsync(line, over.Token).ConfigureAwait(false);
                receiving = ReceiveAsync(over.Token);
                Task sending = Task.WhenAll(lines.Select(line => SendAsync(line, over.Token)));
                if (await Task.WhenAny(sending, receiving).ConfigureAwait(false) == receiving) return;
                await sending.ConfigureAwait(false);
                await socket.CloseOutputAsync(over.Token).ConfigureAwait(false);
                await receiving.ConfigureAwait(false);
            }
            catch (WebSocketException)
            {
                // The client went away.
            }
            finally
            {
                await over.CancelAsync().ConfigureAwait(false);
                await receiving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                foreach (Line line in lines)
                {
                    if (line.Connection is { } connection) await connection.DisposeAsync().ConfigureAwait(false);
                }
            }
        }

        private async Task OpenAsync(Line line, CancellationToken cancellationToken)
        {
            byte[] port = new byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(port, (ushort)line.Port);
            await socket.SendAsync(line.Data, port, cancellationToken).ConfigureAwait(false);
            await socket.SendAsync(line.Error, port, cancellationToken).ConfigureAwait(false);
            try
            {
                line.Connection = await runtime.ConnectAsync(new PodUid(pod.Metadata!.Uid!), line.Port, cancellationToken).ConfigureAwait(false);
            }
            catch (PodRuntimeException error)
            {
                line.ClientEnded.TrySetResult();
                await socket.SendAsync(line.Error, Encoding.UTF8.GetBytes(error.Message), cancellationToken).ConfigureAwait(false);
            }
        }

        /// <summary>From the pod to the client; over when both sides are.</summary>
        private async Task SendAsync(Line line, CancellationToken cancellationToken)
        {
            if (line.Connection is not { } connection) return;
            try
            {
                await socket.SendStreamAsync(line.Data, connection.Stream, cancellationToken).ConfigureAwait(false);
                if (!socket.CanCloseChannels) return;
                await socket.SendAsync(ChannelSocket.CloseChannel, new[] { line.Data }, cancellationToken).ConfigureAwait(false);
                await line.ClientEnded.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (IOException error)
            {
                // Reset by the server in the pod.
                await socket.SendAsync(line.Error, Encoding.UTF8.GetBytes($"pod {pod.Metadata!.Name}, port {line.Port}: {error.Message}"), cancellationToken).ConfigureAwait(false);
            }
        }

        private async Task ReceiveAsync(CancellationToken cancellationToken)
        {
            while (await socket.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } message)
            {
                byte channel = message.Span[0];
                if (channel == ChannelSocket.CloseChannel && message.Length > 1) End(Find(message.Span[1]));
                else if (Find(channel) is { Connection: { } connection } line && !line.ClientEnded.Task.IsCompleted)
                    await GiveAsync(line, connection, message[1..], cancellationToken).ConfigureAwait(false);
            }
        }

        private static async Task GiveAsync(Line line, IPodConnection connection, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            try
            {
                await connection.Stream.WriteAsync(data, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // The server reads no more; that it has gone is for the other direction to tell.
                line.ClientEnded.TrySetResult();
            }
        }

        private static void End(Line? line)
        {
            if (line?.ClientEnded.TrySetResult() == true) line.Connection?.CompleteWrites();
        }

        private Line? Find(byte channel) => Array.Find(lines, line => line.Data == channel);
    }
}
