using Microsoft.Extensions.Logging;

namespace NodeAgent.Pods;

public sealed partial class PodLoops
{
    private void LogRecovered(int pods) => Recovered(_log, pods);
    private void LogRecoveryFailed(Exception error) => RecoveryFailed(_log, error.Message, error);

    private void LogLoopFailed(Exception error) => LoopFailed(_log, error.Message, error);

    [LoggerMessage(3301, LogLevel.Information, "took over {Pods} pods that were there before")]
    private static partial void Recovered(ILogger log, int pods);

    [LoggerMessage(3302, LogLevel.Error, "cannot list what runs on this node: {Why}; no pod is started before it can be")]
    private static partial void RecoveryFailed(ILogger log, string why, Exception error);

    [LoggerMessage(3303, LogLevel.Critical, "a loop has failed: {Why}")]
    private static partial void LoopFailed(ILogger log, string why, Exception error);
}
