using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Exec;

/// <summary>
/// Joins one remote command to one WebSocket.
/// <code>
///   running --command ends--> draining --stdout and stderr are read to their end--> status sent, socket closed
///      +-----client goes--> over (disposing the session kills the command)
/// </code>
/// One task reads the socket, one each reads stdout and stderr; whoever sends holds the gate, since a WebSocket takes one message at a time.
/// </summary>
internal sealed class ExecConnection(WebSocket socket, IExecSession session) : IDisposable
{
    private const int FrameBytes = 32 * 1024;

    private readonly SemaphoreSlim _sending = new(1, 1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task receiving = ReceiveAsync(over.Token);
        Task sending = Task.WhenAll(
            SendStreamAsync(session.Stdout, ExecChannel.Stdout, over.Token),
            session.Stderr is { } stderr ? SendStreamAsync(stderr, ExecChannel.Stderr, over.Token) : Task.CompletedTask);
        Task<int> exit = session.ExitCode;
        try
        {
            Task output = Task.WhenAll(sending, exit);
            if (await Task.WhenAny(output, receiving).ConfigureAwait(false) == receiving) return;
            await output.ConfigureAwait(false);
            await SendAsync(ExecChannel.Error, JsonSerializer.SerializeToUtf8Bytes(ExecStatus.Of(await exit.ConfigureAwait(false)), KubernetesJson.Wire.Status), over.Token)
                .ConfigureAwait(false);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, over.Token).ConfigureAwait(false);
            await receiving.ConfigureAwait(false);
        }
        catch (WebSocketException)
        {
            // The client went away; the session's end follows.
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(receiving, sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Tells the client that the command could not be started, and closes.</summary>
    public static async Task RefuseAsync(WebSocket socket, string message, CancellationToken cancellationToken)
    {
        var status = new Status { Outcome = "Failure", Reason = StatusReason.InternalError, Message = message, Code = 500 };
        byte[] frame = [(byte)ExecChannel.Error, .. JsonSerializer.SerializeToUtf8Bytes(status, KubernetesJson.Wire.Status)];
        await socket.SendAsync(frame, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _sending.Dispose();

    // Returns when the client closes or goes.
    private async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        var message = new ArrayBufferWriter<byte>(FrameBytes);
        try
        {
            while (true)
            {
                message.ResetWrittenCount();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(message.GetMemory(FrameBytes), cancellationToken).ConfigureAwait(false);
                    if (part.MessageType == WebSocketMessageType.Close) return;
                    message.Advance(part.Count);
                    if (message.WrittenCount > 1 << 20) throw new InvalidDataException("an exec message of more than 1 MiB");
                }
                while (!part.EndOfMessage);
                if (message.WrittenCount > 0) await TakeAsync(message.WrittenMemory, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (WebSocketException)
        {
            // Cut off without a close: the client is gone all the same.
        }
    }

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> data = message[1..];
        switch ((ExecChannel)message.Span[0])
        {
            case ExecChannel.Stdin when session.Stdin is { } stdin && data.Length > 0:
                try
                {
                    await stdin.WriteAsync(data, cancellationToken).ConfigureAwait(false);
                    await stdin.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (IOException)
                {
                    // The command has closed its input: what is still typed is for nobody.
                }
                break;
            case ExecChannel.Close when data.Length > 0 && data.Span[0] == (byte)ExecChannel.Stdin && session.Stdin is { } input:
                await input.DisposeAsync().ConfigureAwait(false);
                break;
            case ExecChannel.Resize when Size(data.Span) is (int width, int height):
                session.Resize(width, height);
                break;
        }
    }

    private async Task SendStreamAsync(Stream stream, ExecChannel channel, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[FrameBytes];
        while (true)
        {
            int read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (read == 0) return;
            await SendAsync(channel, buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task SendAsync(ExecChannel channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        byte[] frame = ArrayPool<byte>.Shared.Rent(data.Length + 1);
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            frame[0] = (byte)channel;
            data.CopyTo(frame.AsMemory(1));
            await socket.SendAsync(frame.AsMemory(0, data.Length + 1), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    private static (int Width, int Height)? Size(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            int width = 0, height = 0;
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                bool isWidth = reader.ValueTextEquals("Width"u8), isHeight = reader.ValueTextEquals("Height"u8);
                if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int number)) continue;
                if (isWidth) width = number;
                else if (isHeight) height = number;
            }
            return width is > 0 and <= ushort.MaxValue && height is > 0 and <= ushort.MaxValue ? (width, height) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
