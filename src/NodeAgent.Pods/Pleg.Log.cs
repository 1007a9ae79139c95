using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

public sealed partial class Pleg
{
    private void LogUnknownPod(PodUid uid, RuntimeEventKind kind) => UnknownPod(log, uid, kind);
    private void LogRelistFailed(Exception error) => RelistFailed(log, error.Message, error);
    private void LogUnownedSnapshot(string key) => UnownedSnapshot(log, key);

    [LoggerMessage(3101, LogLevel.Debug, "pod {Uid}: {Kind}, but no worker has it")]
    private static partial void UnknownPod(ILogger log, PodUid uid, RuntimeEventKind kind);

    [LoggerMessage(3102, LogLevel.Warning, "cannot list what runs on this node: {Why}; it is tried again at the next period")]
    private static partial void RelistFailed(ILogger log, string why, Exception error);

    [LoggerMessage(3103, LogLevel.Information, "root filesystem {Key} belongs to no container: removed")]
    private static partial void UnownedSnapshot(ILogger log, string key);
}
