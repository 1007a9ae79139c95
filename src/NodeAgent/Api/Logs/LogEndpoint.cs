using Microsoft.AspNetCore.Http;
using NodeAgent.Core;
using NodeAgent.Core.Model;
using NodeAgent.Pods;

namespace NodeAgent.Api.Logs;

/// <summary><c>GET …/pods/{name}/log</c>, with the parameters of core/v1 PodLogOptions.</summary>
internal sealed class LogEndpoint(StatePaths paths, StatusStore pods, TimeProvider time)
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "container", "follow", "previous", "sinceSeconds", "sinceTime", "tailLines", "limitBytes", "timestamps", "stream", "pretty", "insecureSkipTLSVerifyBackend",
    };

    public async Task GetAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        LogQuery query = Query(context.Request);
        bool previous = ListQuery.Flag(context.Request, "previous");
        PodContainer container = PodContainer.Find(pod, context.Request.Query["container"]);
        ObjectMeta metadata = pod.Metadata!;
        string folder = Path.Combine(paths.PodLogs(metadata.Namespace!, metadata.Name!, metadata.Uid!), container.Name);
        int attempt = Attempt(container, folder, previous);
        if (previous) query = query with { Follow = false };

        context.Response.ContentType = "text/plain";
        // The client is to know at once that it was heard, also when nothing follows for long.
        await context.Response.BodyWriter.FlushAsync(cancellationToken).ConfigureAwait(false);
        var log = new ContainerLog(new LogFiles(folder, attempt), query);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watching = query.Follow ? WakeOnChangesAsync(log, done.Token) : Task.CompletedTask;
        try
        {
            await log.CopyAsync(context.Response.BodyWriter, () => Ended(metadata, container.Name, attempt), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    // The pod may have gone, been replaced under the same name, or have started its container anew.
    private bool Ended(ObjectMeta metadata, string container, int attempt)
    {
        Pod? now = pods.Current.Find(metadata.Namespace!, metadata.Name!);
        if (now is null || now.Metadata!.Uid != metadata.Uid) return true;
        PodContainer found = PodContainer.Find(now, container);
        return found.Ended || found.Status!.RestartCount > attempt;
    }

    private async Task WakeOnChangesAsync(ContainerLog log, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (WatchChange<Pod> _ in pods.WatchAsync(pods.Current.ResourceVersion, cancellationToken).ConfigureAwait(false)) log.Wake();
            }
            catch (ResourceVersionExpiredException)
            {
                log.Wake();
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>
    /// The run that is meant: the present one, or the one before it. While a container waits to be started again, its last run is both.
    /// </summary>
    private static int Attempt(PodContainer container, string folder, bool previous)
    {
        string podName = container.Pod.Metadata!.Name!;
        IReadOnlyList<int> attempts = LogFiles.Attempts(folder);
        bool waiting = container.Status?.State is null or { Running: null, Terminated: null };
        int current = container.Status?.RestartCount ?? 0;
        if (previous)
        {
            bool hasPrevious = container.Status?.LastState?.Terminated is not null;
            int wanted = waiting ? current : current - 1;
            int found = attempts.LastOrDefault(attempt => attempt <= wanted, -1);
            if (!hasPrevious || found < 0)
                throw ApiException.BadRequest($"previous terminated container \"{container.Name}\" in pod \"{podName}\" not found");
            return found;
        }
        if (attempts.Contains(current)) return current;
        if (waiting && attempts.Count > 0) return attempts[^1];
        throw ApiException.BadRequest(waiting
            ? $"container \"{container.Name}\" in pod \"{podName}\" is waiting to start: {container.Status?.State?.Waiting?.Reason ?? "ContainerCreating"}"
            : $"container \"{container.Name}\" in pod \"{podName}\" has no log: {folder} holds none of run {current}");
    }

    private LogQuery Query(HttpRequest request)
    {
        if (request.Query.Keys.FirstOrDefault(key => !Known.Contains(key)) is { } unknown)
            throw ApiException.BadRequest($"unknown parameter {unknown} (known: {string.Join(", ", Known.Order(StringComparer.Ordinal))})");
        long? sinceSeconds = ListQuery.Number(request, "sinceSeconds");
        string sinceTime = request.Query["sinceTime"].ToString();
        if (sinceSeconds is not null && sinceTime.Length > 0) throw ApiException.BadRequest("at most one of sinceTime and sinceSeconds may be given");
        DateTimeOffset? since = sinceSeconds is { } seconds ? time.GetUtcNow().AddSeconds(-Math.Min(seconds, 1e10)) : null;
        if (sinceTime.Length > 0)
        {
            if (!Rfc3339.TryParse(sinceTime, out DateTimeOffset parsed))
                throw ApiException.BadRequest($"sinceTime \"{sinceTime}\": expected a time as in RFC 3339, e.g. 2026-01-31T09:30:00Z");
            since = parsed;
        }
        long? limitBytes = ListQuery.Number(request, "limitBytes");
        if (limitBytes == 0) throw ApiException.BadRequest("limitBytes: expected a number greater than 0");
        LogStream? stream = request.Query["stream"].ToString() switch
        {
            "" or "All" => null,
            "Stdout" => LogStream.Stdout,
            "Stderr" => LogStream.Stderr,
            string other => throw ApiException.BadRequest($"stream \"{other}\": expected All, Stdout or Stderr"),
        };
        return new LogQuery(
            ListQuery.Flag(request, "follow"), since, ListQuery.Number(request, "tailLines"), limitBytes, ListQuery.Flag(request, "timestamps"), stream);
    }
}
