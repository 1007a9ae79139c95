using Microsoft.Extensions.Logging;

namespace NodeAgent.Runtime;

/// <summary>What the runtime logs by itself, where no caller gets an error; event ids 4200 to 4299.</summary>
internal static partial class RuntimeLog
{
    [LoggerMessage(4200, LogLevel.Warning, "pod {Pod} container {Container} ({Id}): its cgroup could not be removed yet")]
    public static partial void CgroupLeft(ILogger logger, string pod, string container, string id, Exception error);

    [LoggerMessage(4201, LogLevel.Error, "pod {Pod} container {Container} ({Id}): SIGKILL could not be sent")]
    public static partial void KillFailed(ILogger logger, string pod, string container, string id, Exception error);

    [LoggerMessage(4202, LogLevel.Warning, "pod {Pod} container {Container}: {Signal} is no signal, SIGTERM is sent instead")]
    public static partial void UnknownSignal(ILogger logger, string pod, string container, string signal);

    [LoggerMessage(4203, LogLevel.Warning, "pod {Pod} sandbox {Attempt}: the process that held it (pid {Pid}) has died")]
    public static partial void SandboxDied(ILogger logger, string pod, int attempt, int pid);

    [LoggerMessage(4204, LogLevel.Error, "pod {Pod} sandbox {Attempt}: could not be cleaned up after its death")]
    public static partial void DeathCleanupFailed(ILogger logger, string pod, int attempt, Exception error);

    [LoggerMessage(4205, LogLevel.Error, "pod {Pod} sandbox {Attempt}: undoing {Step} failed, the record is kept")]
    public static partial void UndoFailed(ILogger logger, string pod, int attempt, string step, Exception error);

    [LoggerMessage(4206, LogLevel.Warning, "pod {Uid}: a record can't be read: {Problem}")]
    public static partial void DamagedRecord(ILogger logger, string uid, string problem);

    [LoggerMessage(4207, LogLevel.Information, "pod {Pod}: sandbox {Attempt} recovered, {Running} containers run")]
    public static partial void Recovered(ILogger logger, string pod, int attempt, int running);

    [LoggerMessage(4208, LogLevel.Warning, "pod {Pod}: sandbox {Attempt} was left half made, it is taken down")]
    public static partial void HalfMade(ILogger logger, string pod, int attempt);

    [LoggerMessage(4209, LogLevel.Warning, "cgroup {Cgroup} belongs to no pod that is known, it is removed")]
    public static partial void OrphanCgroup(ILogger logger, string cgroup);

    [LoggerMessage(4210, LogLevel.Error, "{What} was left behind and can't be removed")]
    public static partial void OrphanKept(ILogger logger, string what, Exception error);

    [LoggerMessage(4211, LogLevel.Warning, "pod {Pod}: {Omitted} left out of its resolv.conf")]
    public static partial void DnsOmitted(ILogger logger, string pod, string omitted);

    [LoggerMessage(4212, LogLevel.Error, "pod {Pod} container {Container} ({Id}): its end could not be recorded")]
    public static partial void ExitNotRecorded(ILogger logger, string pod, string container, string id, Exception error);

    [LoggerMessage(4213, LogLevel.Information, "pod {Pod} container {Container} ({Id}): {Step}: {Error} went unheeded")]
    public static partial void Tolerated(ILogger logger, string pod, string container, string id, string step, string error);

    [LoggerMessage(4214, LogLevel.Debug, "volumes {Folder} belong to no pod that is wanted, they are removed")]
    public static partial void OrphanVolumes(ILogger logger, string folder);

    [LoggerMessage(4215, LogLevel.Warning, "unit {Unit} exists already: it is stopped to make place")]
    public static partial void UnitInTheWay(ILogger logger, string unit);

    [LoggerMessage(4216, LogLevel.Warning, "unit {Unit}: its weight could not be set")]
    public static partial void WeightNotSet(ILogger logger, string unit, Exception error);

    [LoggerMessage(4217, LogLevel.Warning, "pod {Pod} container {Container} ({Id}): an out-of-memory kill in it could not be recorded")]
    public static partial void OomKillsNotRecorded(ILogger logger, string pod, string container, string id, Exception error);
}
