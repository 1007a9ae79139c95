using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Openat2;
using static NodeAgent.Linux.Tty;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// A terminal from the devpts that the process sees: opened in there, so that <c>tty</c> and <c>/proc/self/fd</c> name it. The master leaves
/// through the report socket before execve closes it.
/// </summary>
internal static class TerminalOps
{
    private const int O_NOCTTY = 0x100;
    private const string MultiplexerPath = "/dev/pts/ptmx";

    /// <returns>The process's end of it.</returns>
    internal static ProgramSlot EmitOpen(SyscallProgramBuilder builder)
    {
        // No links: what runs in the container already must not choose what is opened.
        BlobRef how = builder.Struct(new open_how
        {
            flags = (ulong)(uint)(O_RDWR | O_NOCTTY | O_CLOEXEC),
            resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        });
        ProgramSlot master = builder.Op($"open {MultiplexerPath}", Syscalls.openat2, AT_FDCWD, builder.String(MultiplexerPath), how, 24).Keep();
        builder.Op("unlock the terminal", Syscalls.ioctl, master, TIOCSPTLCK, builder.Bytes(new byte[4]));
        ProgramSlot peer = builder.Op("open the terminal", Syscalls.ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC).Keep();
        builder.SendTerminal(master);
        return peer;
    }

    /// <summary>The process must lead a session that has no terminal yet.</summary>
    internal static void EmitUse(SyscallProgramBuilder builder, ProgramSlot terminal)
    {
        ProcessProgram.Duplicate(builder, terminal, 0, "the terminal as stdin");
        ProcessProgram.Duplicate(builder, terminal, 1, "the terminal as stdout");
        ProcessProgram.Duplicate(builder, terminal, 2, "the terminal as stderr");
        builder.Op("make it the controlling terminal", Syscalls.ioctl, 0, TIOCSCTTY, 0);
    }
}
