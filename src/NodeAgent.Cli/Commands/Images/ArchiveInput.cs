namespace NodeAgent.Cli.Commands.Images;

/// <summary>An archive that is sent to the agent.</summary>
internal static class ArchiveInput
{
    /// <param name="what">For the error: what was tried.</param>
    public static FileStream Open(string file, string what)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new PodctlException($"{what}: {error.Message}", error is FileNotFoundException or DirectoryNotFoundException ? ExitCode.NotFound : ExitCode.Failed, error);
        }
    }
}
