using Microsoft.Extensions.Logging;

namespace NodeAgent.Pods;

public sealed partial class ManifestWatcher
{
    private void LogTurnFailed(Exception error) => TurnFailed(log, folder.Path, error.Message, error);
    private void LogNoHints(string path, string why, TimeSpan period) => NoHints(log, path, why, period.TotalSeconds);

    [LoggerMessage(3201, LogLevel.Error, "manifest folder {Path}: a look at it failed: {Why}")]
    private static partial void TurnFailed(ILogger log, string path, string why, Exception error);

    [LoggerMessage(3202, LogLevel.Warning, "manifest folder {Path}: changes are not told ({Why}): it is listed every {Seconds} s instead")]
    private static partial void NoHints(ILogger log, string path, string why, double seconds);
}
