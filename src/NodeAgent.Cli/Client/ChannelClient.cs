using System.Buffers;
using System.Net.WebSockets;

namespace NodeAgent.Cli.Client;

/// <summary>The client's end of a WebSocket whose binary messages begin with the number of a channel (v5.channel.k8s.io).</summary>
internal sealed class ChannelClient : IDisposable
{
    public const byte CloseChannel = 255;

    private const string Protocol = "v5.channel.k8s.io";

    // A WebSocket takes one message at a time.
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly ArrayBufferWriter<byte> _message = new(32 * 1024);
    private readonly HttpExchange _exchange;
    private readonly WebSocket _socket;

    private ChannelClient(HttpExchange exchange)
    {
        _exchange = exchange;
        _socket = WebSocket.CreateFromStream(exchange.Body, new WebSocketCreationOptions { IsServer = false, SubProtocol = Protocol });
    }

    /// <exception cref="PodctlException">The agent can't be reached, or refuses.</exception>
    public static ChannelClient Open(AgentClient client, string path, string what)
    {
        string key = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
        HttpExchange answer = client.Send("GET", path, what, "*/*", null, ("Connection", "Upgrade"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Protocol", Protocol));
        if (answer.Code == 101 && answer.Header("Sec-WebSocket-Protocol") is [Protocol]) return new ChannelClient(answer);
        answer.Dispose();
        throw new PodctlException($"{what}: what answers is no agent that can do this");
    }

    /// <summary>One message, its channel first; empty when the agent has closed. Good until the next call; one caller at a time.</summary>
    /// <exception cref="WebSocketException">The connection broke.</exception>
    public async Task<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken)
    {
        do
        {
            _message.ResetWrittenCount();
            ValueWebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(_message.GetMemory(32 * 1024), cancellationToken).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close) return default;
                _message.Advance(part.Count);
            }
            while (!part.EndOfMessage);
        }
        while (_message.WrittenCount == 0);
        return _message.WrittenMemory;
    }

    /// <param name="message">Its channel first.</param>
    public async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await _socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _exchange.Dispose();
        _sending.Dispose();
    }
}
