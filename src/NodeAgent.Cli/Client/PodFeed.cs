using System.Text.Json;

namespace NodeAgent.Cli.Client;

/// <summary>
/// The pods that a command is about, followed as they change: listed, then watched from there. A watch that fell behind is listed anew, so what the caller
/// looks at is always a level, and nothing is asked for twice without need.
/// </summary>
internal sealed class PodFeed(PodctlIo io, AgentClient client, PodTargets targets, string what)
{
    private readonly string _path = ResourceKind.Pods.Path(targets.Namespace);

    /// <summary>Calls <paramref name="done"/> with all pods by <c>namespace/name</c>, first as they are, then after each change, until it says so.</summary>
    /// <param name="limit">Null waits as long as it takes; zero looks once.</param>
    /// <returns>False when the time is over.</returns>
    /// <exception cref="PodctlException">The agent can't be reached, or closed the watch.</exception>
    public bool Until(Func<IReadOnlyDictionary<string, JsonElement>, bool> done, TimeSpan? limit)
    {
        long start = io.Time.GetTimestamp();
        while (true)
        {
            var pods = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            string version = List(pods);
            if (done(pods)) return true;
            TimeSpan? left = limit - io.Time.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            if (Follow(pods, version, done, left) is { } over) return over;
        }
    }

    public static string Key(JsonElement pod)
    {
        JsonElement metadata = pod.GetProperty("metadata");
        return $"{metadata.GetProperty("namespace").GetString()}/{metadata.GetProperty("name").GetString()}";
    }

    public static string Uid(JsonElement pod) => pod.GetProperty("metadata").GetProperty("uid").GetString()!;

    private string List(Dictionary<string, JsonElement> pods)
    {
        JsonElement list = client.Get(Target(""), what);
        foreach (JsonElement pod in list.GetProperty("items").EnumerateArray().Where(targets.Contains)) pods[Key(pod)] = pod;
        return list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
    }

    /// <returns>Null when the list has to be read anew.</returns>
    private bool? Follow(Dictionary<string, JsonElement> pods, string version, Func<IReadOnlyDictionary<string, JsonElement>, bool> done, TimeSpan? left)
    {
        using HttpExchange answer = client.Send("GET", Target($"watch=true&resourceVersion={version}"), what);
        var timeOver = new ManualResetEventSlim();
        // Closing the connection ends the read that waits for the next change.
        using ITimer? timer = left is { } due ? io.Time.CreateTimer(_ => Close(timeOver, answer), null, due, Timeout.InfiniteTimeSpan) : null;
        using var lines = new StreamReader(answer.Body);
        while (ReadLine(lines) is { } line)
        {
            using JsonDocument change = JsonDocument.Parse(line);
            JsonElement value = change.RootElement.GetProperty("object");
            string type = change.RootElement.GetProperty("type").GetString()!;
            if (type == "ERROR")
            {
                if (value.TryGetProperty("code", out JsonElement code) && code.GetInt32() == 410) return null;
                throw new PodctlException($"{what}: {value.GetProperty("message").GetString()}");
            }
            if (!targets.Contains(value)) continue;
            if (type == "DELETED") pods.Remove(Key(value));
            else pods[Key(value)] = value.Clone();
            if (done(pods)) return true;
        }
        return timeOver.IsSet ? false : throw new PodctlException($"{what}: the agent has closed the watch; is it being stopped?");
    }

    private string Target(string query) => $"{_path}?{string.Join('&', ((string[])[targets.Query(), query]).Where(part => part.Length > 0))}";

    private static void Close(ManualResetEventSlim timeOver, HttpExchange answer)
    {
        timeOver.Set();
        answer.Dispose();
    }

    private static string? ReadLine(StreamReader lines)
    {
        try
        {
            return lines.ReadLine();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The time is over, or the agent was killed.
            return null;
        }
    }
}
