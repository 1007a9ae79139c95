using System.Globalization;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Security;
using NodeAgent.Shim;
using static NodeAgent.Linux.Errno;
using static NodeAgent.Linux.Prctl;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// The second half of a container's and a command's program: once the file system is what it should be, become the process.
///
///  1. a session, a terminal or the passed streams as 0, 1, 2, which the user owns
///  2. a session keyring of its own, so that no key of another container is found by name
///  3. limits; the working directory, while root
///  4. every other descriptor is marked to close on execve
///  5. capabilities that may never come back leave the bounding set; the filter here, if the process may gain rights by setuid programs: without
///     no_new_privs, installing takes CAP_SYS_ADMIN, which the next steps take away
///  6. groups, group, user, keeping capabilities over the change, then exactly the capabilities wanted
///  7. no_new_privs and then the filter, if it was not there before: it stands over as few of our own calls as can be
///  8. execve, in each directory of PATH
/// There is nothing to undo: a failed step ends the child, and what it made is gone with its namespaces.
/// </summary>
internal static class ProcessProgram
{
    private const uint MaxFd = uint.MaxValue;
    private const int CLOSE_RANGE_CLOEXEC = 4;
    private const int UmaskOfProcesses = 0x12; // 022

    internal static void Emit(SyscallProgramBuilder builder, ProcessSpec process, ProgramSlot? terminal, string keyring)
    {
        EmitStdio(builder, process, terminal);
        EmitStdioOwner(builder, process);
        builder.Op("join a new session keyring", Syscalls.keyctl, KEYCTL_JOIN_SESSION_KEYRING, builder.String(keyring))
            .Tolerate(ENOSYS, EDQUOT, EPERM, EACCES).Report();
        EmitRlimits(builder, process.Rlimits);
        EmitWorkingDirectory(builder, process.WorkingDirectory);
        builder.Op("close the rest on execve", Syscalls.close_range, 3, MaxFd, CLOSE_RANGE_CLOEXEC);
        builder.Op("umask 022", Syscalls.umask, UmaskOfProcesses);
        EmitRights(builder, process);
        EmitExec(builder, process);
    }

    private static void EmitStdio(SyscallProgramBuilder builder, ProcessSpec process, ProgramSlot? terminal)
    {
        // The group leader's own session: a signal to the shim's group must not reach it, and a terminal needs it.
        builder.Op("setsid", Syscalls.setsid).Tolerate(EPERM);
        if (terminal is { } slot)
        {
            TerminalOps.EmitUse(builder, slot);
            return;
        }
        if (!process.Stdin)
        {
            // The container's own: /proc/self/fd/0 must not lead to a file of the host.
            ProgramSlot none = builder.Op("open /dev/null as stdin", Syscalls.openat, Openat2.AT_FDCWD, builder.String("/dev/null"), Openat2.O_RDONLY | Openat2.O_CLOEXEC).Keep();
            Duplicate(builder, none, 0, "stdin");
        }
        else
        {
            Duplicate(builder, ProgramSlot.Stdin, 0, "stdin");
        }
        Duplicate(builder, ProgramSlot.Stdout, 1, "stdout");
        Duplicate(builder, ProgramSlot.Stderr, 2, "stderr");
    }

    // Programs open /dev/stdout by name, and a pipe can only be opened by its owner. Not /dev/null, which all share.
    private static void EmitStdioOwner(SyscallProgramBuilder builder, ProcessSpec process)
    {
        if (process.User.Uid == 0) return;
        for (int fd = process.Tty || process.Stdin ? 0 : 1; fd <= 2; fd++)
        {
            builder.Op($"give fd {fd} to user {process.User.Uid}", Syscalls.fchown, fd, process.User.Uid, -1).Tolerate(EINVAL, EPERM, EROFS);
        }
    }

    internal static void Duplicate(SyscallProgramBuilder builder, ProgramSlot from, int to, string name) =>
        // EINVAL: it is there already.
        builder.Op($"place {name}", Syscalls.dup3, from, to, 0).Tolerate(EINVAL);

    private static void EmitRlimits(SyscallProgramBuilder builder, IReadOnlyList<Rlimit> limits)
    {
        foreach (Rlimit limit in limits)
        {
            BlobRef value = builder.Struct(new Rlimits.rlimit64 { rlim_cur = limit.Soft, rlim_max = limit.Hard });
            // Raising a hard limit takes CAP_SYS_RESOURCE in the initial user namespace.
            builder.Op($"limit {Rlimits.Name(limit.Resource)} to {limit.Hard}", Syscalls.prlimit64, 0, limit.Resource, value, 0).Tolerate(EPERM).Report();
        }
    }

    private static void EmitWorkingDirectory(SyscallProgramBuilder builder, string directory)
    {
        // No magic links: /proc/self/fd/N would lead to directories of the host that are still open here.
        BlobRef how = builder.Struct(new Openat2.open_how
        {
            flags = (ulong)(uint)(Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC),
            resolve = Openat2.RESOLVE_IN_ROOT | Openat2.RESOLVE_NO_MAGICLINKS,
        });
        // IN_ROOT counts from the directory given, so that has to be the root and not the current directory.
        ProgramSlot root = builder.Op("open /", Syscalls.openat, Openat2.AT_FDCWD, builder.String("/"), Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC).Keep();
        ProgramSlot opened = builder.Op($"open working directory {directory}", Syscalls.openat2, root, builder.String(directory), how, 24).Keep();
        builder.Op($"enter working directory {directory}", Syscalls.fchdir, opened);
    }

    private static void EmitRights(SyscallProgramBuilder builder, ProcessSpec process)
    {
        CapabilitySets capabilities = process.Capabilities;
        foreach (int dropped in CapabilitySets.Numbers(Capabilities.All & ~capabilities.Bounding))
        {
            // EINVAL: the kernel is older than the capability.
            builder.Op($"drop {Capabilities.Name(dropped)} for good", Syscalls.prctl, PR_CAPBSET_DROP, dropped, 0, 0, 0).Tolerate(EINVAL);
        }
        if (!process.NoNewPrivileges) EmitSeccomp(builder, process.Seccomp);

        ProcessUser user = process.User;
        builder.Op("keep capabilities over the change of user", Syscalls.prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
        BlobRef groups = builder.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes<uint>(user.Groups.ToArray()));
        builder.Op($"set groups {string.Join(',', user.Groups)}", Syscalls.setgroups, user.Groups.Count, groups);
        builder.Op($"set group {user.Gid}", Syscalls.setresgid, user.Gid, user.Gid, user.Gid);
        builder.Op($"set user {user.Uid}", Syscalls.setresuid, user.Uid, user.Uid, user.Uid);
        EmitCapset(builder, capabilities);
        if (!process.NoNewPrivileges) return;
        builder.Op("set no_new_privs", Syscalls.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        EmitSeccomp(builder, process.Seccomp);
    }

    internal static void EmitCapset(SyscallProgramBuilder builder, CapabilitySets sets)
    {
        // struct __user_cap_header_struct and two __user_cap_data_struct {effective, permitted, inheritable}.
        uint[] header = [Capabilities._LINUX_CAPABILITY_VERSION_3, 0];
        uint[] data =
        [
            (uint)sets.Effective, (uint)sets.Permitted, (uint)sets.Inheritable,
            (uint)(sets.Effective >> 32), (uint)(sets.Permitted >> 32), (uint)(sets.Inheritable >> 32),
        ];
        builder.Op(
            "set capabilities", Syscalls.capset,
            builder.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes<uint>(header)),
            builder.Bytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes<uint>(data)));
    }

    private static void EmitSeccomp(SyscallProgramBuilder builder, ReadOnlyMemory<byte> filter)
    {
        if (filter.IsEmpty) return;
        // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
        BlobRef program = builder.Bytes([.. BitConverter.GetBytes((ulong)(filter.Length / Bpf.InstructionSize)), .. new byte[8]]);
        builder.Pointer(program.At(8), builder.Bytes(filter.Span));
        builder.Op("install the seccomp filter", Syscalls.seccomp, Seccomp.SECCOMP_SET_MODE_FILTER, 0, program);
    }

    private static void EmitExec(SyscallProgramBuilder builder, ProcessSpec process)
    {
        IReadOnlyList<string> candidates = ExecSearch.Candidates(process.Argv[0], process.Env);
        for (int i = 0; i < candidates.Count; i++)
        {
            ProgramOp op = builder.Exec(candidates[i], process.Argv, process.Env);
            // As execvp(3) searches: what is not there or may not be run is passed over, the last one's error stands.
            if (i < candidates.Count - 1) op.Tolerate(ENOENT, EACCES, ENOTDIR, ELOOP).Report();
        }
    }
}
