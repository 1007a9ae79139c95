using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Forwarding;

/// <summary>One local connection, led to the pod by a WebSocket of its own: data on channel 0, errors on 1, each of which begins with the port.</summary>
internal static class Forward
{
    private const byte Data = 0, Error = 1;
    private const int PortBytes = 2;

    /// <summary>Returns when both sides have ended, or one has gone; what went wrong stands on stderr.</summary>
    public static async Task RunAsync(PodctlIo io, AgentClient client, string podPath, string what, Socket local, int port, CancellationToken cancellationToken)
    {
        using Socket owned = local;
        local.NoDelay = true;
        Tell(io.Out, $"Handling connection for {((System.Net.IPEndPoint)local.LocalEndPoint!).Port}");
        try
        {
            using ChannelClient channels = ChannelClient.Open(client, $"{podPath}/portforward?ports={port}", what);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task sending = SendAsync(channels, local, over.Token);
            Task<string?> receiving = ReceiveAsync(channels, local, over.Token);
            await Task.WhenAny(sending, receiving).ConfigureAwait(false);
            string? problem = null;
            // Whoever connected here and has gone needs no answer any more.
            bool gone = sending.IsFaulted && !receiving.IsCompleted;
            if (!gone) problem = await receiving.ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(sending, receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (problem is null) return;
            Tell(io.Error, $"podctl: {what}: {problem}");
        }
        catch (PodctlException error)
        {
            Tell(io.Error, "podctl: " + error.Message);
        }
        catch (Exception error) when (error is WebSocketException or IOException or SocketException)
        {
            Tell(io.Error, $"podctl: {what}: the connection was lost: {error.Message}");
        }
        // A reset: what was connected to never spoke, or broke off.
        local.LingerState = new LingerOption(true, 0);
    }

    private static async Task SendAsync(ChannelClient channels, Socket local, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[32 * 1024];
        buffer[0] = Data;
        while (await local.ReceiveAsync(buffer.AsMemory(1), cancellationToken).ConfigureAwait(false) is var read and > 0)
            await channels.SendAsync(buffer.AsMemory(0, read + 1), cancellationToken).ConfigureAwait(false);
        await channels.SendAsync(new[] { ChannelClient.CloseChannel, Data }, cancellationToken).ConfigureAwait(false);
    }

    /// <returns>What the agent says went wrong.</returns>
    private static async Task<string?> ReceiveAsync(ChannelClient channels, Socket local, CancellationToken cancellationToken)
    {
        bool dataBegun = false, errorBegun = false;
        string? problem = null;
        while (await channels.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } message)
        {
            ReadOnlyMemory<byte> content = message[1..];
            switch (message.Span[0])
            {
                case Data when dataBegun:
                    for (int sent = 0; sent < content.Length;)
                        sent += await local.SendAsync(content[sent..], cancellationToken).ConfigureAwait(false);
                    break;
                case Data:
                    dataBegun = content.Length == PortBytes;
                    break;
                case Error when errorBegun:
                    problem = Encoding.UTF8.GetString(content.Span).ReplaceLineEndings(" ");
                    break;
                case Error:
                    errorBegun = content.Length == PortBytes;
                    break;
                case ChannelClient.CloseChannel:
                    End(local);
                    break;
            }
        }
        return problem;
    }

    private static void End(Socket local)
    {
        try
        {
            local.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // It has gone already.
        }
    }

    // Several connections tell at the same time.
    private static void Tell(StreamWriter output, string line)
    {
        lock (output)
        {
            output.Write(line + "\n");
            output.Flush();
        }
    }
}
