using System.Buffers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace NodeAgent.Api.Exec;

/// <summary>
/// A WebSocket whose binary messages begin with the number of a channel, as Kubernetes' streaming paths have it since 1.29. Version 5 of the protocol adds the
/// message {255, channel}: its sender sends no more on that channel.
/// </summary>
internal sealed class ChannelSocket(WebSocket socket) : IDisposable
{
    public const string Version5 = "v5.channel.k8s.io";
    public const string Version4 = "v4.channel.k8s.io";

    public const byte CloseChannel = 255;

    private const int MaxMessage = 1 << 20;

    // A WebSocket takes one message at a time.
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ArrayBufferWriter<byte> _message = new(32 * 1024);

    public bool CanCloseChannels => socket.SubProtocol == Version5;

    /// <summary>What the client offers and is spoken here. To be called last of all checks, so that a client that falls back to SPDY hears the other reasons.</summary>
    /// <exception cref="ApiException">400: it is no upgrade to a WebSocket, or to none that is spoken.</exception>
    public static string Negotiate(HttpContext context, string what)
    {
        IHttpUpgradeFeature? upgrade = context.Features.Get<IHttpUpgradeFeature>();
        if (upgrade?.IsUpgradableRequest != true || !string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase))
        {
            throw ApiException.BadRequest(
                $"{what} needs an upgrade to WebSocket with {Version5}; SPDY is not spoken here (kubectl 1.29 and 1.30: set KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true)");
        }
        string[] offered = [.. context.Request.Headers.SecWebSocketProtocol.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries))];
        if (context.Request.Headers.SecWebSocketKey.Count == 0 || context.Request.Headers.SecWebSocketVersion != "13")
            throw ApiException.BadRequest($"{what}: the WebSocket handshake lacks its key, or is not of version 13");
        if (offered.Contains(Version5)) return Version5;
        if (offered.Contains(Version4)) return Version4;
        throw ApiException.BadRequest($"{what}: none of the offered protocols is spoken here: {string.Join(", ", offered)} (spoken: {Version5}, {Version4})");
    }

    // RFC 6455 §4.2.2.
    public static async Task<WebSocket> UpgradeAsync(HttpContext context, string protocol)
    {
        string key = context.Request.Headers.SecWebSocketKey.ToString();
#pragma warning disable CA5350 // The handshake's SHA-1 proves only that the server speaks WebSocket.
        string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = accept;
        context.Response.Headers.SecWebSocketProtocol = protocol;
        Stream stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync().ConfigureAwait(false);
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, SubProtocol = protocol });
    }

    /// <summary>One message, its channel first; empty when the client has closed or gone. Good until the next call; one caller at a time.</summary>
    /// <exception cref="InvalidDataException">A message of more than 1 MiB.</exception>
    public async Task<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken)
    {
        do
        {
            _message.ResetWrittenCount();
            try
            {
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(_message.GetMemory(32 * 1024), cancellationToken).ConfigureAwait(false);
                    if (part.MessageType == WebSocketMessageType.Close) return default;
                    _message.Advance(part.Count);
                    if (_message.WrittenCount > MaxMessage) throw new InvalidDataException("a message of more than 1 MiB");
                }
                while (!part.EndOfMessage);
            }
            catch (WebSocketException)
            {
                // Cut off without a close: the client is gone all the same.
                return default;
            }
        }
        while (_message.WrittenCount == 0);
        return _message.WrittenMemory;
    }

    /// <exception cref="WebSocketException">The client is gone.</exception>
    public async Task SendAsync(byte channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        byte[] frame = ArrayPool<byte>.Shared.Rent(data.Length + 1);
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            frame[0] = channel;
            data.CopyTo(frame.AsMemory(1));
            await socket.SendAsync(frame.AsMemory(0, data.Length + 1), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    /// <summary>Sends everything that a stream gives, to its end.</summary>
    public async Task SendStreamAsync(byte channel, Stream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[32 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var read and > 0)
            await SendAsync(channel, buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says that nothing more will be sent; the client's own close is for <see cref="ReceiveAsync"/> to see.</summary>
    public Task CloseOutputAsync(CancellationToken cancellationToken) => socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken);

    public void Dispose()
    {
        _sending.Dispose();
        socket.Dispose();
    }
}
