using Microsoft.Extensions.Logging;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

public sealed partial class EvictionLoop
{
    private void LogPressure(NodePressure pressure) => Pressure(_log, pressure.Memory, pressure.Disk, pressure.Pid);
    private void LogEvicted(Pod pod, string why, string message) => Evicted(_log, pod.Metadata?.Namespace, pod.Metadata?.Name, why, message);
    private void LogNobody(string resource) => Nobody(_log, resource);
    private void LogStillThere(int seconds) => StillThere(_log, seconds);
    private void LogFailed(Exception error) => Failed(_log, error.Message, error);

    [LoggerMessage(3501, LogLevel.Warning, "node conditions now: MemoryPressure {Memory}, DiskPressure {Disk}, PIDPressure {Pid}")]
    private static partial void Pressure(ILogger log, bool memory, bool disk, bool pid);

    [LoggerMessage(3502, LogLevel.Warning, "pod {Namespace}/{Name} is evicted for {Why}: {Message}")]
    private static partial void Evicted(ILogger log, string? @namespace, string? name, string why, string message);

    [LoggerMessage(3503, LogLevel.Warning, "the node is short of {Resource}, and there is no pod that may be evicted for it")]
    private static partial void Nobody(ILogger log, string resource);

    [LoggerMessage(3504, LogLevel.Warning, "an evicted pod has not ended within {Seconds} s; the node is looked at again nevertheless")]
    private static partial void StillThere(ILogger log, int seconds);

    [LoggerMessage(3505, LogLevel.Error, "cannot look after the node's resources: {Why}; tried again later")]
    private static partial void Failed(ILogger log, string why, Exception error);
}
