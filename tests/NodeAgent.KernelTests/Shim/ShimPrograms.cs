using NodeAgent.Linux;
using NodeAgent.Linux.Shim;

namespace NodeAgent.KernelTests.Shim;

/// <summary>Small programs that run the host's own /bin/sh.</summary>
internal static class ShimPrograms
{
    private static readonly string[] Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"];

    public static SyscallProgram Shell(string script)
    {
        SyscallProgramBuilder builder = new();
        AddShell(builder, script);
        return builder.Build();
    }

    public static void AddShell(SyscallProgramBuilder builder, string script)
    {
        AddStdio(builder, ProgramSlot.Stdin, ProgramSlot.Stdout, ProgramSlot.Stderr);
        builder.Exec("/bin/sh", ["sh", "-c", script], Environment);
    }

    public static void AddStdio(SyscallProgramBuilder builder, ProgramArg stdin, ProgramArg stdout, ProgramArg stderr)
    {
        // EINVAL: the shim's own /dev/null is there already, under the same number.
        builder.Op("place stdin", Syscalls.dup3, stdin, 0, 0).Tolerate(Errno.EINVAL);
        builder.Op("place stdout", Syscalls.dup3, stdout, 1, 0).Tolerate(Errno.EINVAL);
        builder.Op("place stderr", Syscalls.dup3, stderr, 2, 0).Tolerate(Errno.EINVAL);
    }

    public static SyscallProgram Park()
    {
        SyscallProgramBuilder builder = new();
        builder.Park();
        return builder.Build();
    }
}
