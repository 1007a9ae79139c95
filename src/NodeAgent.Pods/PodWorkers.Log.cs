using Microsoft.Extensions.Logging;
using NodeAgent.Core.Manifests;

namespace NodeAgent.Pods;

public sealed partial class PodWorkers
{
    private void LogLogsStay(PodName pod, Exception error) => LogsStay(parts.Log, pod, error.Message, error);

    [LoggerMessage(3011, LogLevel.Warning, "pod {Pod}: its logs cannot be removed: {Why}")]
    private static partial void LogsStay(ILogger log, PodName pod, string why, Exception error);
}
