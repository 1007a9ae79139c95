using Microsoft.Extensions.Logging;

namespace NodeAgent.Pods;

public sealed partial class ImageGcLoop
{
    [LoggerMessage(3521, LogLevel.Information, "{Used} % of the disk of the images is used, {High} % is the limit: unused images go until {Missing} bytes more are free")]
    private static partial void LogScarce(ILogger log, int used, int high, long missing);

    [LoggerMessage(3522, LogLevel.Warning, "{Trouble}")]
    private static partial void LogTrouble(ILogger log, string trouble);

    [LoggerMessage(3523, LogLevel.Information, "unused images take no more of the disk than they may")]
    private static partial void LogWell(ILogger log);
}
