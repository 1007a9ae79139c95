using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using NodeAgent.Linux;

namespace NodeAgent.Cli.Client;

/// <summary>The client's end of a remote command: WebSocket, v5.channel.k8s.io. The first byte of each message is the channel.</summary>
internal sealed class ExecClient(PodctlIo io, AgentClient client, string what, bool stdin, bool tty) : IDisposable
{
    private const string Protocol = "v5.channel.k8s.io";
    private const byte Stdin = 0, Stdout = 1, Stderr = 2, Error = 3, Resize = 4, Close = 255;

    private readonly SemaphoreSlim _sending = new(1, 1);

    /// <returns>The command's exit code.</returns>
    public async Task<int> RunAsync(string path, CancellationToken cancellationToken)
    {
        string key = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
        using HttpExchange answer = client.Send("GET", path, what, "*/*", null, ("Connection", "Upgrade"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Protocol", Protocol));
        if (answer.Code != 101 || answer.Header("Sec-WebSocket-Protocol") is not [Protocol]) throw new PodctlException($"{what}: what answers is no agent that can do this");
        using WebSocket socket = WebSocket.CreateFromStream(answer.Body, new WebSocketCreationOptions { IsServer = false, SubProtocol = Protocol });
        byte[]? before = tty ? Terminal.MakeRaw(0) : null;
        try
        {
            using PosixSignalRegistration? resized = tty ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, context => OnResized(context, socket)) : null;
            using PosixSignalRegistration? ended = before is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Terminal.Restore(0, before));
            using PosixSignalRegistration? hungUp = before is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, _ => Terminal.Restore(0, before));
            if (tty) await SendSizeAsync(socket).ConfigureAwait(false);
            // Never awaited: a read of a terminal ends only when something is typed, which must not hold up the end.
            if (stdin) _ = SendInputAsync(socket, cancellationToken);
            return await ReceiveAsync(socket, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (before is not null) Terminal.Restore(0, before);
        }
    }

    public void Dispose() => _sending.Dispose();

    private async Task<int> ReceiveAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        var message = new ArrayBufferWriter<byte>(64 * 1024);
        int? code = null;
        while (true)
        {
            message.ResetWrittenCount();
            ValueWebSocketReceiveResult part;
            try
            {
                do
                {
                    part = await socket.ReceiveAsync(message.GetMemory(32 * 1024), cancellationToken).ConfigureAwait(false);
                    message.Advance(part.Count);
                }
                while (!part.EndOfMessage);
            }
            catch (WebSocketException error)
            {
                throw new PodctlException($"{what}: the connection to the agent broke; the command's end is not known", ExitCode.Failed, error);
            }
            if (part.MessageType == WebSocketMessageType.Close)
                return code ?? throw new PodctlException($"{what}: the agent closed the connection before the command ended");
            if (message.WrittenCount > 0) code = await TakeAsync(message.WrittenMemory).ConfigureAwait(false) ?? code;
        }
    }

    private async ValueTask<int?> TakeAsync(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> data = message[1..];
        switch (message.Span[0])
        {
            case Stdout:
                await io.RawOut.WriteAsync(data).ConfigureAwait(false);
                return null;
            case Stderr:
                await io.RawError.WriteAsync(data).ConfigureAwait(false);
                return null;
            case Error:
                return Code(data);
            default:
                return null;
        }
    }

    // A meta/v1 Status: Success, or a Failure one of whose causes is the exit code.
    private int Code(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement status = document.RootElement;
        if (status.GetProperty("status").GetString() == "Success") return ExitCode.Fine;
        if (status.TryGetProperty("details", out JsonElement details) && details.TryGetProperty("causes", out JsonElement causes))
        {
            foreach (JsonElement cause in causes.EnumerateArray())
            {
                if (cause.GetProperty("reason").GetString() == "ExitCode" && int.TryParse(cause.GetProperty("message").GetString(), CultureInfo.InvariantCulture, out int code)) return code;
            }
        }
        throw new PodctlException($"{what}: {(status.TryGetProperty("message", out JsonElement message) ? message.GetString() : "failed")}");
    }

    private async Task SendInputAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[32 * 1024];
        try
        {
            while (await io.In.ReadAsync(buffer.AsMemory(1), cancellationToken).ConfigureAwait(false) is var read and > 0)
            {
                buffer[0] = Stdin;
                await SendAsync(socket, buffer.AsMemory(0, read + 1), cancellationToken).ConfigureAwait(false);
            }
            await SendAsync(socket, new byte[] { Close, Stdin }, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // The command has ended: nobody takes input any more.
        }
    }

    private void OnResized(PosixSignalContext signal, WebSocket socket)
    {
        signal.Cancel = true;
        _ = SendSizeAsync(socket);
    }

    private async Task SendSizeAsync(WebSocket socket)
    {
        if (Terminal.Size(0) is not (int columns, int rows)) return;
        byte[] size = Encoding.ASCII.GetBytes($$""" {"Width":{{columns}},"Height":{{rows}}}""");
        size[0] = Resize;
        try
        {
            await SendAsync(socket, size, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // As above.
        }
    }

    // A WebSocket takes one message at a time.
    private async Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }
}
