using Microsoft.Extensions.Logging;

namespace NodeAgent.Pods;

public sealed partial class PodWorker
{
    private void LogTerminated(string pod) => Terminated(_parts.Log, pod);
    private void LogTrouble(string pod, string what, Exception? error) => TroubleWith(_parts.Log, pod, what, error);

    [LoggerMessage(3001, LogLevel.Information, "pod {Pod}: terminated, nothing is left of it")]
    private static partial void Terminated(ILogger log, string pod);

    [LoggerMessage(3002, LogLevel.Warning, "pod {Pod}: {What}")]
    private static partial void TroubleWith(ILogger log, string pod, string what, Exception? error);
}
