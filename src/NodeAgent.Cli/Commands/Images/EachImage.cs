namespace NodeAgent.Cli.Commands.Images;

/// <summary>A command on several images goes on after one that fails, and tells each; the exit code is that of the worst.</summary>
internal static class EachImage
{
    public static int Do(PodctlIo io, IReadOnlyList<string> names, Action<string> command)
    {
        int code = ExitCode.Fine;
        foreach (string name in names)
        {
            try
            {
                command(name);
            }
            catch (PodctlException error)
            {
                io.Out.Flush();
                string hint = error.ExitCode == ExitCode.NotFound ? "; podctl image ls shows all" : "";
                io.Error.WriteLine($"podctl: {error.Message}{hint}");
                // What failed counts for more than what was not there.
                if (code != ExitCode.Failed) code = error.ExitCode;
            }
        }
        return code;
    }
}
