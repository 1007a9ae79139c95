using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace NodeAgent.Testing.Agent;

/// <summary>The agent's API as a client of another make would use it: plain HTTP over its socket, JSON objects, watches.</summary>
public sealed class AgentApi : IDisposable
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(60);
    private readonly HttpClient _client;
    private readonly TimeSpan _limit;

    public AgentApi(string socketPath)
        : this(new UnixDomainSocketEndPoint(socketPath), DefaultLimit)
    {
    }

    /// <param name="endPoint">The unix socket, or a TCP port that leads to it.</param>
    /// <param name="limit">How long to wait for what a test expects.</param>
    public AgentApi(EndPoint endPoint, TimeSpan limit)
    {
        _limit = limit;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(
                    endPoint.AddressFamily, SocketType.Stream, endPoint.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
                await socket.ConnectAsync(endPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _client = new HttpClient(handler) { BaseAddress = new Uri("http://podagent"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await _client.GetStringAsync(path))!;

    /// <summary>Waits, by a watch, until the pod of this name satisfies the condition, and returns it as it was then.</summary>
    public async Task<JsonNode> WaitForPodAsync(string name, Func<JsonNode, bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(_limit);
        JsonNode? last = null;
        try
        {
            await foreach ((string type, JsonNode pod) in WatchPodsAsync(limit.Token))
            {
                if (pod["metadata"]!["name"]!.GetValue<string>() != name || type == "DELETED")
                    continue;
                last = pod;
                if (condition(pod))
                    return pod;
            }
        }
        catch (OperationCanceledException late)
        {
            throw new TimeoutException($"pod {name}: {what} was not seen within {_limit}; last seen: {last?.ToJsonString() ?? "nothing"}", late);
        }

        throw new InvalidOperationException($"the watch ended before pod {name}: {what}");
    }

    /// <summary>Waits, by a watch, until no pod of this name is known.</summary>
    public async Task WaitForPodGoneAsync(string name)
    {
        using var limit = new CancellationTokenSource(_limit);
        JsonNode list = await GetAsync("/api/v1/pods");
        var present = list["items"]!.AsArray().Where(pod => pod!["metadata"]!["name"]!.GetValue<string>() == name).Select(Uid).ToHashSet();
        if (present.Count == 0)
            return;
        string version = list["metadata"]!["resourceVersion"]!.GetValue<string>();
        try
        {
            await foreach ((string type, JsonNode pod) in WatchAsync("/api/v1/pods?watch=true&resourceVersion=" + version, limit.Token))
            {
                if (pod["metadata"]!["name"]!.GetValue<string>() != name)
                    continue;
                if (type == "DELETED")
                    present.Remove(Uid(pod));
                else
                    present.Add(Uid(pod));
                if (present.Count == 0)
                    return;
            }
        }
        catch (OperationCanceledException late)
        {
            throw new TimeoutException($"pod {name} was still there after {_limit}", late);
        }
    }

    /// <summary>Waits, by a watch, until there is an event about a container of a pod whose message contains the text.</summary>
    public async Task WaitForEventAsync(string pod, string container, string text)
    {
        using var limit = new CancellationTokenSource(_limit);
        List<string> seen = [];
        try
        {
            await foreach ((_, JsonNode happened) in WatchAsync("/api/v1/events?watch=true", limit.Token))
            {
                JsonNode about = happened["involvedObject"]!;
                if (about["name"]!.GetValue<string>() != pod || about["fieldPath"]?.GetValue<string>().EndsWith($"{{{container}}}", StringComparison.Ordinal) != true)
                    continue;
                string message = happened["message"]!.GetValue<string>();
                if (message.Contains(text, StringComparison.Ordinal))
                    return;
                seen.Add(message);
            }
        }
        catch (OperationCanceledException late)
        {
            throw new TimeoutException($"pod {pod}, container {container}: no event '{text}' within {_limit}; seen: {string.Join(" | ", seen.Distinct())}", late);
        }

        throw new InvalidOperationException($"the watch ended before pod {pod}: {text}");
    }

    public void Dispose() => _client.Dispose();

    private static string Uid(JsonNode? pod) => pod!["metadata"]!["uid"]!.GetValue<string>();

    /// <summary>What is there now, as ADDED, and then what changes.</summary>
    private IAsyncEnumerable<(string Type, JsonNode Pod)> WatchPodsAsync(CancellationToken cancellation) => WatchAsync("/api/v1/pods?watch=true", cancellation);

    private async IAsyncEnumerable<(string Type, JsonNode Object)> WatchAsync(string path, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellation);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            JsonNode change = JsonNode.Parse(line)!;
            yield return (change["type"]!.GetValue<string>(), change["object"]!);
        }
    }
}
