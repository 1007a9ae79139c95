namespace NodeAgent.Cli;

/// <summary>What podctl's exit codes mean. A remote command's own code is passed through as it is.</summary>
internal static class ExitCode
{
    public const int Fine = 0;
    public const int Failed = 1;
    public const int WrongCommandLine = 2;
    public const int NotFound = 3;

    /// <summary>What a shell shows for a program that was ended by SIGPIPE: the reader of the output went away.</summary>
    public const int BrokenPipe = 141;
}

/// <summary>Ends podctl with one line on stderr: what was tried, on what, why, what to do.</summary>
internal sealed class PodctlException(string message, int exitCode = ExitCode.Failed, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
