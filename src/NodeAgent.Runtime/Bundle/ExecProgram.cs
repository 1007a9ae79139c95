using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Namespaces;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// The program of a command that joins a running container. Pure. Net, ipc and uts namespaces are the shim's, the pid namespace START enters.
///
///  1. the cgroup and mount namespaces of the container's first process, by its pidfd: a pid given to somebody else meanwhile cannot be met (Linux 5.8).
///     Entering the mount namespace sets root and working directory to its root
///  2. a terminal of the container's own devpts, if asked for
///  3. become the process, with the container's user and rights (<see cref="ProcessProgram"/>)
///
/// Passed fds: 0 is the pidfd. The streams come as START's own (stdio mode Passed or Terminal).
/// </summary>
public static class ExecProgram
{
    public const int PidFd = 0;
    public const ulong CloneFlags = 0;

    /// <param name="process">The container's, with the command's own Argv, Tty and Stdin.</param>
    /// <param name="oomScoreAdj">The container's; without it the command would be as protected as the shim is.</param>
    public static SyscallProgram Build(string container, ProcessSpec process, int? oomScoreAdj = null)
    {
        if (process.Argv.Count == 0) throw new ArgumentException($"container {container}: no command", nameof(process));
        SyscallProgramBuilder builder = new();
        builder.Op("enter the container's namespaces", Syscalls.setns, ProgramArg.PassedFd(PidFd), CLONE_NEWCGROUP | CLONE_NEWNS);
        ContainerProgram.EmitOomScore(builder, oomScoreAdj);
        ProgramSlot? terminal = process.Tty ? TerminalOps.EmitOpen(builder) : null;
        ProcessProgram.Emit(builder, process, terminal, $"_ses.{container}");
        return builder.Build();
    }
}
