using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl drain [--timeout D]</c>, <c>podctl cordon</c>, <c>podctl uncordon</c></summary>
internal static class DrainCommand
{
    private const string Drain = """{"spec":{"unschedulable":true,"taints":[{"key":"podagent.io/drain","effect":"NoExecute"}]}}""";
    private const string Cordon = """{"spec":{"unschedulable":true}}""";
    private const string Uncordon = """{"spec":{"unschedulable":null,"taints":null}}""";

    public static Command Create(GlobalOptions global)
    {
        var timeout = new Option<string?>("--timeout") { Description = "Give up waiting after this long, e.g. 90s; the pods go on ending (default: wait as long as it takes)", HelpName = "DURATION" };
        var command = new Command("drain", "End every pod with its own grace, and start none until uncordon; returns when none runs") { timeout };
        command.SetAction(parsed => Run(global.Io, global.Client(parsed), parsed.GetValue(timeout) is { } text ? DurationText.Parse("--timeout", text) : TimeSpan.Zero));
        return command;
    }

    public static Command CreateUncordon(GlobalOptions global) => CreateChange(global, "uncordon", "Let pods run on this node again", Uncordon, "uncordoned");

    public static Command CreateCordon(GlobalOptions global) => CreateChange(global, "cordon", "Start no new pod until uncordon; those that run go on", Cordon, "cordoned");

    private static Command CreateChange(GlobalOptions global, string name, string description, string patch, string done)
    {
        var command = new Command(name, description);
        command.SetAction(parsed =>
        {
            global.Io.Out.Write($"node/{Patch(global.Client(parsed), name, patch)} {done}\n");
            return ExitCode.Fine;
        });
        return command;
    }

    /// <param name="timeout">Zero for none.</param>
    private static int Run(PodctlIo io, AgentClient client, TimeSpan timeout)
    {
        // What runs is asked before and after: a pod that ends at once is told too.
        (SortedSet<string> before, _) = Running(client);
        io.Out.Write($"node/{Patch(client, "drain", Drain)} cordoned\n");
        (SortedSet<string> running, string version) = Running(client);
        foreach (string name in before.Except(running, StringComparer.Ordinal)) io.Out.Write($"pod/{name} ended\n");
        io.Out.Flush();
        if (running.Count > 0) Follow(io, client, running, version, timeout);
        if (running.Count == 0)
        {
            io.Out.Write("no pod runs\n");
            return ExitCode.Fine;
        }
        io.Out.Flush();
        io.Error.Write($"podctl: drain: after {timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)} s "
            + $"still running: {string.Join(", ", running)}; they go on ending, and none is started before podctl uncordon\n");
        return ExitCode.Failed;
    }

    private static (SortedSet<string> Names, string Version) Running(AgentClient client)
    {
        JsonElement list = client.Get(ResourceKind.Pods.Path(null), "drain");
        var running = list.GetProperty("items").EnumerateArray().Where(pod => !HasEnded(pod)).Select(NameOf);
        return (new SortedSet<string>(running, StringComparer.Ordinal), list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!);
    }

    /// <summary>Takes out of <paramref name="running"/> what ends; returns when nothing is left or the time is over.</summary>
    private static void Follow(PodctlIo io, AgentClient client, SortedSet<string> running, string version, TimeSpan timeout)
    {
        string limit = timeout > TimeSpan.Zero ? "&timeoutSeconds=" + Math.Max(1, Math.Ceiling(timeout.TotalSeconds)).ToString(CultureInfo.InvariantCulture) : "";
        using HttpExchange answer = client.Send("GET", $"{ResourceKind.Pods.Path(null)}?watch=true&resourceVersion={version}{limit}", "drain");
        using var lines = new StreamReader(answer.Body);
        while (running.Count > 0 && lines.ReadLine() is { } line)
        {
            using JsonDocument change = JsonDocument.Parse(line);
            JsonElement pod = change.RootElement.GetProperty("object");
            string type = change.RootElement.GetProperty("type").GetString()!;
            if (type == "ERROR") throw new PodctlException($"drain: {pod.GetProperty("message").GetString()}; the pods go on ending");
            string name = NameOf(pod);
            if ((type == "DELETED" || HasEnded(pod)) && running.Remove(name))
            {
                io.Out.Write($"pod/{name} ended\n");
                io.Out.Flush();
            }
        }
        if (running.Count > 0 && timeout == TimeSpan.Zero)
            throw new PodctlException($"drain: the agent has closed the watch; still running: {string.Join(", ", running)}");
    }

    private static string Patch(AgentClient client, string what, string patch)
    {
        JsonElement nodes = client.Get(ResourceKind.Nodes.Path(null), what);
        string node = nodes.GetProperty("items")[0].GetProperty("metadata").GetProperty("name").GetString()!;
        using var content = new MemoryStream(Encoding.UTF8.GetBytes(patch));
        using HttpExchange answer = client.Send(
            "PATCH", ResourceKind.Nodes.Path(null, node), what, "application/json", content, ("Content-Type", "application/merge-patch+json"));
        return node;
    }

    private static string NameOf(JsonElement pod)
    {
        JsonElement metadata = pod.GetProperty("metadata");
        return $"{metadata.GetProperty("namespace").GetString()}/{metadata.GetProperty("name").GetString()}";
    }

    /// <summary>Nothing of it runs and nothing will: it is held back or over, and its sandbox is stopped.</summary>
    private static bool HasEnded(JsonElement pod)
    {
        if (!pod.TryGetProperty("status", out JsonElement status)) return false;
        bool over = status.TryGetProperty("phase", out JsonElement phase) && phase.GetString() is "Succeeded" or "Failed";
        bool held = over || Condition(status, "PodScheduled") == "False";
        return held && Condition(status, "PodReadyToStartContainers") != "True" && !HasRunning(status);
    }

    private static bool HasRunning(JsonElement status)
    {
        foreach (string list in (string[])["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"])
        {
            if (!status.TryGetProperty(list, out JsonElement containers)) continue;
            foreach (JsonElement container in containers.EnumerateArray())
            {
                if (container.TryGetProperty("state", out JsonElement state) && state.TryGetProperty("running", out _)) return true;
            }
        }
        return false;
    }

    private static string? Condition(JsonElement status, string type)
    {
        if (!status.TryGetProperty("conditions", out JsonElement conditions)) return null;
        foreach (JsonElement condition in conditions.EnumerateArray())
        {
            if (condition.GetProperty("type").GetString() == type) return condition.GetProperty("status").GetString();
        }
        return null;
    }
}
