using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Core.Model;

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
        command.SetAction(async (parsed, cancellationToken) =>
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
            using AgentClient client = global.Client(parsed);
            string name = ResourceKind.PodName(parsed.GetValue(pod)!);
            string path = ResourceKind.Pods.Path(parsed.GetValue(global.Namespace), name);
            var logs = new Logs(global.Io, client, path, name, query);
            IReadOnlyList<string> containers = only is not null ? [only] : await logs.ContainersAsync(parsed.GetValue(all), cancellationToken).ConfigureAwait(false);
            await logs.CopyAsync(containers, parsed.GetValue(prefix), cancellationToken).ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return command;
    }

    private sealed class Logs(PodctlIo io, AgentClient client, string podPath, string podName, List<string> query)
    {
        private readonly SemaphoreSlim _writing = new(1, 1);

        public async Task<IReadOnlyList<string>> ContainersAsync(bool all, CancellationToken cancellationToken)
        {
            JsonElement json = await client.GetAsync(podPath, $"logs of pod/{podName}", cancellationToken).ConfigureAwait(false);
            Pod pod = json.Deserialize(KubernetesJson.Wire.Pod)!;
            string[] regular = [.. (pod.Spec?.Containers ?? []).Select(container => container.Name!)];
            if (all) return [.. (pod.Spec?.InitContainers ?? []).Select(container => container.Name!), .. regular];
            if (regular.Length <= 1) return regular;
            string chosen = pod.Metadata?.Annotations?.GetValueOrDefault(DefaultAnnotation) ?? regular[0];
            await io.Error.WriteLineAsync($"Defaulted container \"{chosen}\" out of: {string.Join(", ", regular)}").ConfigureAwait(false);
            return [chosen];
        }

        public async Task CopyAsync(IReadOnlyList<string> containers, bool prefix, CancellationToken cancellationToken)
        {
            if (containers.Count == 1 && !prefix)
            {
                using HttpResponseMessage response = await OpenAsync(containers[0], cancellationToken).ConfigureAwait(false);
                using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
                await CopyBytesAsync(body, cancellationToken).ConfigureAwait(false);
                return;
            }
            if (query.Contains("follow=true"))
            {
                await Task.WhenAll(containers.Select(container => CopyLinesAsync(container, prefix, cancellationToken))).ConfigureAwait(false);
                return;
            }
            foreach (string container in containers) await CopyLinesAsync(container, prefix, cancellationToken).ConfigureAwait(false);
        }

        private async Task CopyBytesAsync(Stream body, CancellationToken cancellationToken)
        {
            byte[] buffer = new byte[64 * 1024];
            while (await ReadAsync(body, buffer, cancellationToken).ConfigureAwait(false) is var read and > 0)
                await io.RawOut.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
        }

        // Lines of several containers must not run into each other.
        private async Task CopyLinesAsync(string container, bool prefix, CancellationToken cancellationToken)
        {
            using HttpResponseMessage response = await OpenAsync(container, cancellationToken).ConfigureAwait(false);
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
            string start = prefix ? $"[pod/{podName}/{container}] " : "";
            while (await lines.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
            {
                await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    await io.Out.WriteAsync(start + line + "\n").ConfigureAwait(false);
                    await io.Out.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    _writing.Release();
                }
            }
        }

        private async ValueTask<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
        {
            try
            {
                return await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is HttpRequestException or IOException)
            {
                throw new PodctlException($"logs of pod/{podName}: the agent has gone while the log was read; try again when it runs", ExitCode.Failed, error);
            }
        }

        private Task<HttpResponseMessage> OpenAsync(string container, CancellationToken cancellationToken) =>
            client.SendAsync(HttpMethod.Get, $"{podPath}/log?{string.Join('&', [.. query, "container=" + Uri.EscapeDataString(container)])}",
                $"logs of pod/{podName}", cancellationToken, "*/*");
    }
}
