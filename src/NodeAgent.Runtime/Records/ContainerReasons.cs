namespace NodeAgent.Runtime.Records;

/// <summary>The reasons that a terminated container's status shows.</summary>
public static class ContainerReasons
{
    public const string Completed = "Completed";
    public const string Error = "Error";
    public const string OomKilled = "OOMKilled";
    public const string StartError = "StartError";
    public const string StatusUnknown = "ContainerStatusUnknown";

    public const int StartErrorCode = 128;
    public const int UnknownCode = 137;
    private const int KilledCode = 137;

    /// <param name="oomKills">
    /// How many processes of the container's cgroup the kernel killed for memory since it started, or since we began to kill it. Only with SIGKILL's code it was the
    /// first process that died so.
    /// </param>
    public static string Of(int exitCode, long oomKills) => exitCode switch
    {
        0 => Completed,
        KilledCode when oomKills > 0 => OomKilled,
        _ => Error,
    };
}
