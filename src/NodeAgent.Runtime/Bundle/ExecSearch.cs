using NodeAgent.Linux;
using NodeAgent.Linux.Shim;

namespace NodeAgent.Runtime.Bundle;

/// <summary>Where a command is looked for, and what is said when it is not found.</summary>
public static class ExecSearch
{
    /// <summary>PATH of a container whose image sets none: what the field's runtimes put in.</summary>
    public const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>
    /// The paths to try, in order; never empty. A command with a slash is its own only path. An empty entry of PATH is passed over
    /// rather than taken as the working directory.
    /// </summary>
    public static IReadOnlyList<string> Candidates(string command, IReadOnlyList<string> env)
    {
        if (command.Contains('/', StringComparison.Ordinal) || command.Length == 0) return [command];
        string path = env.LastOrDefault(variable => variable.StartsWith("PATH=", StringComparison.Ordinal))?["PATH=".Length..] ?? DefaultPath;
        string[] candidates = [.. path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(directory => directory.TrimEnd('/') + "/" + command)];
        return candidates.Length > 0 ? candidates : ["/" + command];
    }

    /// <summary>
    /// What the status shows of a start that failed: <c>exec: "foo": executable file not found in $PATH</c>, or the step and its error
    /// (<c>open working directory /data: ENOENT</c>).
    /// </summary>
    /// <param name="opIndex">Of the failed op, as the shim reports it.</param>
    /// <param name="tolerated">Errors that the program went on from, as the shim reports them.</param>
    public static string Describe(SyscallProgram program, string command, int opIndex, int errno, IEnumerable<(int OpIndex, int Errno)> tolerated)
    {
        if (opIndex < 0 || opIndex >= program.OpNames.Count || !IsExec(program, opIndex)) return program.Describe(opIndex, errno);
        bool searched = !command.Contains('/', StringComparison.Ordinal);
        // A file that is there but may not be run says more than the directories without one.
        if (errno == Errno.ENOENT && tolerated.Any(error => error.Errno == Errno.EACCES && IsExec(program, error.OpIndex))) errno = Errno.EACCES;
        string reason = errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR when searched => "executable file not found in $PATH",
            Errno.ENOENT => "no such file or directory (or its interpreter is missing)",
            Errno.EACCES => "permission denied",
            Errno.ENOEXEC => "exec format error: not a program for this machine, or a script without #!",
            Errno.E2BIG => "argument list and environment too long",
            _ => Errno.Name(errno),
        };
        return $"exec: \"{command}\": {reason}";
    }

    private static bool IsExec(SyscallProgram program, int opIndex) =>
        opIndex >= 0 && opIndex < program.OpNames.Count && program.OpNames[opIndex].StartsWith("execve ", StringComparison.Ordinal);
}
