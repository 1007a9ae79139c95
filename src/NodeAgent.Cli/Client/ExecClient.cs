using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using NodeAgent.Core.Model;
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
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(Protocol);
        try
        {
            await socket.ConnectAsync(new Uri("ws://podagent" + path), client.Http, cancellationToken).ConfigureAwait(false);
        }
        catch (WebSocketException error)
        {
            throw await ExplainAsync(error, path, cancellationToken).ConfigureAwait(false);
        }
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

    private async Task<int> ReceiveAsync(ClientWebSocket socket, CancellationToken cancellationToken)
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
                return Code(JsonSerializer.Deserialize(data.Span, KubernetesJson.Wire.Status)!);
            default:
                return null;
        }
    }

    private int Code(Status status)
    {
        if (status.Outcome == "Success") return ExitCode.Fine;
        string? cause = status.Details?.Causes?.FirstOrDefault(cause => cause.Reason == "ExitCode")?.Message;
        return int.TryParse(cause, CultureInfo.InvariantCulture, out int code) ? code : throw new PodctlException($"{what}: {status.Message}");
    }

    private async Task SendInputAsync(ClientWebSocket socket, CancellationToken cancellationToken)
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

    private void OnResized(PosixSignalContext signal, ClientWebSocket socket)
    {
        signal.Cancel = true;
        _ = SendSizeAsync(socket);
    }

    private async Task SendSizeAsync(ClientWebSocket socket)
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
    private async Task SendAsync(ClientWebSocket socket, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
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

    /// <summary>The WebSocket tells only a refusal's code; the agent's reason is had by asking again without the upgrade being finished.</summary>
    private async Task<PodctlException> ExplainAsync(WebSocketException error, string path, CancellationToken cancellationToken)
    {
        if (error.InnerException is HttpRequestException { InnerException: System.Net.Sockets.SocketException } unreachable) return client.Unreachable(unreachable, what);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Connection", "Upgrade");
        request.Headers.Add("Upgrade", "websocket");
        request.Headers.Add("Sec-WebSocket-Protocol", Protocol);
        try
        {
            using HttpResponseMessage response = await client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            return await AgentClient.RefusedAsync(response, what, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException again)
        {
            return client.Unreachable(again, what);
        }
    }
}
