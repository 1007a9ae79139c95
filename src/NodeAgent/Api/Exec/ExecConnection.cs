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
/// One task reads the socket, one each reads stdout and stderr.
/// </summary>
internal sealed class ExecConnection(ChannelSocket socket, IExecSession session)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task receiving = ReceiveAsync(over.Token);
        Task sending = Task.WhenAll(
            socket.SendStreamAsync((byte)ExecChannel.Stdout, session.Stdout, over.Token),
            session.Stderr is { } stderr ? socket.SendStreamAsync((byte)ExecChannel.Stderr, stderr, over.Token) : Task.CompletedTask);
        Task<int> exit = session.ExitCode;
        try
        {
            Task output = Task.WhenAll(sending, exit);
            if (await Task.WhenAny(output, receiving).ConfigureAwait(false) == receiving) return;
            await output.ConfigureAwait(false);
            await socket.SendAsync((byte)ExecChannel.Error, JsonSerializer.SerializeToUtf8Bytes(ExecStatus.Of(await exit.ConfigureAwait(false)), KubernetesJson.Wire.Status), over.Token)
                .ConfigureAwait(false);
            await socket.CloseOutputAsync(over.Token).ConfigureAwait(false);
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
    public static async Task RefuseAsync(ChannelSocket socket, string message, CancellationToken cancellationToken)
    {
        var status = new Status { Outcome = "Failure", Reason = StatusReason.InternalError, Message = message, Code = 500 };
        await socket.SendAsync((byte)ExecChannel.Error, JsonSerializer.SerializeToUtf8Bytes(status, KubernetesJson.Wire.Status), cancellationToken).ConfigureAwait(false);
        await socket.CloseOutputAsync(cancellationToken).ConfigureAwait(false);
        while (!(await socket.ReceiveAsync(cancellationToken).ConfigureAwait(false)).IsEmpty)
        {
            // Until the client closes too.
        }
    }

    // Returns when the client closes or goes.
    private async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        while (await socket.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } message)
            await TakeAsync(message, cancellationToken).ConfigureAwait(false);
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
