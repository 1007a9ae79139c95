using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace NodeAgent.VmTests.Machine;

/// <summary>QEMU's machine protocol over its unix socket: one command at a time, events skipped. Source: docs/interop/qmp-spec of QEMU.</summary>
internal sealed class QmpClient : IDisposable
{
    private readonly StreamReader _reader;
    private readonly StreamWriter _writer;

    private QmpClient(NetworkStream stream)
    {
        _reader = new StreamReader(stream);
        _writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
    }

    /// <summary>Takes the connection that QEMU makes to a listening socket when it starts, and leaves the negotiation behind.</summary>
    public static async Task<QmpClient> AcceptAsync(Socket listener, QemuProcess qemu, TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit);
        Task<Socket> accepted = listener.AcceptAsync(late.Token).AsTask();
        if (await Task.WhenAny(accepted, qemu.Ended) == qemu.Ended)
        {
            await late.CancelAsync();
            throw new InvalidOperationException("qemu ended at once: " + qemu.Said);
        }

        var client = new QmpClient(new NetworkStream(await accepted, ownsSocket: true));
        await client._reader.ReadLineAsync(late.Token);
        await client.ExecuteAsync("qmp_capabilities", null, limit);
        return client;
    }

    public async Task<JsonNode?> ExecuteAsync(string command, JsonObject? arguments, TimeSpan limit)
    {
        JsonObject request = new() { ["execute"] = command };
        if (arguments is not null)
            request["arguments"] = arguments;
        await _writer.WriteLineAsync(request.ToJsonString());
        using var late = new CancellationTokenSource(limit);
        try
        {
            while (await _reader.ReadLineAsync(late.Token) is { } line)
            {
                JsonNode answer = JsonNode.Parse(line)!;
                if (answer["error"] is { } error)
                    throw new InvalidOperationException($"qmp {request.ToJsonString()}: {error.ToJsonString()}");
                if (answer.AsObject().ContainsKey("return"))
                    return answer["return"];
            }
        }
        catch (OperationCanceledException cancelled)
        {
            throw new TimeoutException($"qmp {command}: no answer within {limit}", cancelled);
        }

        throw new InvalidOperationException($"qmp {command}: qemu closed the connection");
    }

    /// <summary>A command of the human monitor; those that snapshots need print nothing when all is well.</summary>
    public async Task<string> MonitorAsync(string commandLine, TimeSpan limit) =>
        (await ExecuteAsync("human-monitor-command", new JsonObject { ["command-line"] = commandLine }, limit))!.GetValue<string>();

    public void Dispose()
    {
        _reader.Dispose();
        _writer.Dispose();
    }
}
