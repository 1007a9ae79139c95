using System.Globalization;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using NodeAgent.Linux;

namespace NodeAgent.Cli.Client;

/// <summary>The client's end of a remote command: WebSocket, v5.channel.k8s.io. The first byte of each message is the channel.</summary>
internal sealed class ExecClient(PodctlIo io, AgentClient client, string what, bool stdin, bool tty)
{
    private const byte Stdin = 0, Stdout = 1, Stderr = 2, Error = 3, Resize = 4;

    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ctrl-P Ctrl-Q lets go of what runs.</summary>
    public bool CanDetach { get; init; }

    /// <returns>The command's exit code; 0 when it was let go of.</returns>
    public async Task<int> RunAsync(string path, CancellationToken cancellationToken)
    {
        using ChannelClient socket = ChannelClient.Open(client, path, what);
        byte[]? before = tty ? Terminal.MakeRaw(0) : null;
        try
        {
            using PosixSignalRegistration? resized = tty ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, context => OnResized(context, socket)) : null;
            using PosixSignalRegistration? ended = before is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Terminal.Restore(0, before));
            using PosixSignalRegistration? hungUp = before is null ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, _ => Terminal.Restore(0, before));
            if (tty) await SendSizeAsync(socket).ConfigureAwait(false);
            // Never awaited: a read of a terminal ends only when something is typed, which must not hold up the end.
            if (stdin) _ = SendInputAsync(socket, cancellationToken);
            Task<int> receiving = ReceiveAsync(socket, cancellationToken);
            return await Task.WhenAny(receiving, _detached.Task).ConfigureAwait(false) == receiving ? await receiving.ConfigureAwait(false) : ExitCode.Fine;
        }
        finally
        {
            if (before is not null) Terminal.Restore(0, before);
        }
    }

    private async Task<int> ReceiveAsync(ChannelClient socket, CancellationToken cancellationToken)
    {
        int? code = null;
        try
        {
            while (await socket.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } message)
                code = await TakeAsync(message).ConfigureAwait(false) ?? code;
        }
        catch (WebSocketException error)
        {
            throw new PodctlException($"{what}: the connection to the agent broke; the command's end is not known", ExitCode.Failed, error);
        }
        return code ?? throw new PodctlException($"{what}: the agent closed the connection before the command ended");
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

    private async Task SendInputAsync(ChannelClient socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[32 * 1024], filtered = new byte[buffer.Length + 1];
        var keys = new DetachKeys();
        try
        {
            while (await io.In.ReadAsync(buffer.AsMemory(1), cancellationToken).ConfigureAwait(false) is var read and > 0)
            {
                ReadOnlyMemory<byte> message = buffer.AsMemory(0, read + 1);
                bool detach = false;
                buffer[0] = filtered[0] = Stdin;
                if (CanDetach)
                {
                    (int length, detach) = keys.Filter(message.Span[1..], filtered.AsSpan(1));
                    message = filtered.AsMemory(0, length + 1);
                }
                if (message.Length > 1) await socket.SendAsync(message, cancellationToken).ConfigureAwait(false);
                if (!detach) continue;
                _detached.TrySetResult();
                return;
            }
            await socket.SendAsync(new[] { ChannelClient.CloseChannel, Stdin }, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // The command has ended: nobody takes input any more.
        }
    }

    private void OnResized(PosixSignalContext signal, ChannelClient socket)
    {
        signal.Cancel = true;
        _ = SendSizeAsync(socket);
    }

    private async Task SendSizeAsync(ChannelClient socket)
    {
        if (Terminal.Size(0) is not (int columns, int rows)) return;
        byte[] size = Encoding.ASCII.GetBytes($$""" {"Width":{{columns}},"Height":{{rows}}}""");
        size[0] = Resize;
        try
        {
            await socket.SendAsync(size, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // As above.
        }
    }
}
