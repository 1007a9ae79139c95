using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl logs POD [CONTAINER]</c></summary>
internal static class LogsCommand
{
    private const string DefaultAnnotation = "kubectl.kubernetes.io/default-container";

    public static Command Create(GlobalOptions global)
    {
        var pod = new Argument<string>("POD") { Description = "The pod" };
        var named = new Argument<string?>("CONTAINER") { Description = "The container", Arity = ArgumentArity.ZeroOrOne };
        var container = new Option<string?>("--container", "-c") { Description = "The container", HelpName = "NAME" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the container ends" };
        var previous = new Option<bool>("--previous", "-p") { Description = "The run before the present one" };
        var tail = new Option<long>("--tail") { Description = "Only the last lines; -1 for all", HelpName = "LINES", DefaultValueFactory = _ => -1 };
        var since = new Option<string?>("--since") { Description = "Only what is younger, e.g. 30s, 10m, 1h30m", HelpName = "DURATION" };
        var sinceTime = new Option<string?>("--since-time") { Description = "Only what came after, e.g. 2026-01-31T09:30:00Z", HelpName = "TIME" };
        var limit = new Option<long>("--limit-bytes") { Description = "At most this much", HelpName = "BYTES" };
        var timestamps = new Option<bool>("--timestamps") { Description = "Show when each line was written" };
        var all = new Option<bool>("--all-containers") { Description = "All containers of the pod" };
        var prefix = new Option<bool>("--prefix") { Description = "Show which container each line is of" };
        var command = new Command("logs", "Show what a container has written") { pod, named, container, follow, previous, tail, since, sinceTime, limit, timestamps, all, prefix };
        command.SetAction(async (parsed, _) =>
        {
            var query = new List<string>();
            if (parsed.GetValue(follow)) query.Add("follow=true");
            if (parsed.GetValue(previous)) query.Add("previous=true");
            if (parsed.GetValue(tail) is var lines and >= 0) query.Add("tailLines=" + lines);
            if (parsed.GetValue(since) is { } duration) query.Add("sinceSeconds=" + (long)Math.Ceiling(DurationText.Parse("--since", duration).TotalSeconds));
            if (parsed.GetValue(sinceTime) is { } time) query.Add("sinceTime=" + Uri.EscapeDataString(time));
            if (parsed.GetValue(limit) is var bytes and > 0) query.Add("limitBytes=" + bytes);
            if (parsed.GetValue(timestamps)) query.Add("timestamps=true");
            string? only = parsed.GetValue(container) ?? parsed.GetValue(named);
            if (only is not null && parsed.GetValue(all)) throw new PodctlException("logs: a container and --all-containers do not go together", ExitCode.WrongCommandLine);
            string name = ResourceKind.PodName(parsed.GetValue(pod)!);
            string path = ResourceKind.Pods.Path(parsed.GetValue(global.Namespace), name);
            var logs = new Logs(global.Io, global.Client(parsed), path, name, query);
            IReadOnlyList<string> containers = only is not null ? [only] : logs.Containers(parsed.GetValue(all));
            await logs.CopyAsync(containers, parsed.GetValue(prefix)).ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return command;
    }

    private sealed class Logs(PodctlIo io, AgentClient client, string podPath, string podName, List<string> query)
    {
        private readonly Lock _writing = new();

        public IReadOnlyList<string> Containers(bool all)
        {
            JsonElement pod = client.Get(podPath, $"logs of pod/{podName}");
            JsonElement spec = pod.GetProperty("spec");
            string[] regular = Names(spec, "containers");
            if (all) return [.. Names(spec, "initContainers"), .. regular];
            if (regular.Length <= 1) return regular;
            string chosen = pod.GetProperty("metadata").TryGetProperty("annotations", out JsonElement annotations) && annotations.TryGetProperty(DefaultAnnotation, out JsonElement named)
                ? named.GetString()!
                : regular[0];
            io.Error.WriteLine($"Defaulted container \"{chosen}\" out of: {string.Join(", ", regular)}");
            return [chosen];
        }

        public Task CopyAsync(IReadOnlyList<string> containers, bool prefix)
        {
            if (containers.Count == 1 && !prefix)
            {
                CopyBytes(containers[0]);
                return Task.CompletedTask;
            }
            // Followed side by side; else one after the other.
            if (query.Contains("follow=true"))
                return Task.WhenAll(containers.Select(container => Task.Factory.StartNew(() => CopyLines(container, prefix), TaskCreationOptions.LongRunning)));
            foreach (string container in containers) CopyLines(container, prefix);
            return Task.CompletedTask;
        }

        private void CopyBytes(string container)
        {
            using HttpExchange answer = Open(container);
            byte[] buffer = new byte[64 * 1024];
            while (Taking(() => answer.Body.Read(buffer)) is var read and > 0) io.RawOut.Write(buffer, 0, read);
        }

        // Lines of several containers must not run into each other.
        private void CopyLines(string container, bool prefix)
        {
            using HttpExchange answer = Open(container);
            using var lines = new StreamReader(answer.Body);
            string start = prefix ? $"[pod/{podName}/{container}] " : "";
            while (Taking(lines.ReadLine) is { } line)
            {
                lock (_writing)
                {
                    io.Out.Write(start + line + "\n");
                    io.Out.Flush();
                }
            }
        }

        private T Taking<T>(Func<T> read)
        {
            try
            {
                return read();
            }
            catch (IOException error)
            {
                throw new PodctlException($"logs of pod/{podName}: the agent has gone while the log was read; try again when it runs", ExitCode.Failed, error);
            }
        }

        private HttpExchange Open(string container) =>
            client.Send("GET", $"{podPath}/log?{string.Join('&', [.. query, "container=" + Uri.EscapeDataString(container)])}", $"logs of pod/{podName}", "*/*");

        private static string[] Names(JsonElement spec, string list) =>
            spec.TryGetProperty(list, out JsonElement containers) ? [.. containers.EnumerateArray().Select(container => container.GetProperty("name").GetString()!)] : [];
    }
}
