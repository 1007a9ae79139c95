using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Security;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Namespaces;
using static NodeAgent.Linux.Prctl;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// The program of pid 1 of a pod that shares one pid namespace: it reaps what its containers leave behind, and the namespace ends with it. Pure.
///
///  1. an empty read-only root, for the containers see this process: <c>/proc/1/root</c> must not lead to the host
///  2. no rights: no capabilities, no user that owns anything, no_new_privs
///  3. stay (park)
/// </summary>
public static class PauseProgram
{
    /// <summary>The user "nobody else": the one that Kubernetes' own pause image runs as.</summary>
    private const uint PauseUser = 65535;

    /// <summary>For START.</summary>
    public const ulong CloneFlags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP;

    /// <param name="rootMountPoint">As <see cref="ContainerSpec.RootMountPoint"/>.</param>
    public static SyscallProgram Build(string rootMountPoint)
    {
        SyscallProgramBuilder builder = new();
        builder.Op("make / rslave", Syscalls.mount, 0, builder.String("/"), 0, MS_REC | MS_SLAVE, 0);
        FilesystemOps.MountNew(builder, "pause", rootMountPoint, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=555");
        builder.Op("enter the root", Syscalls.chdir, builder.String(rootMountPoint));
        builder.Op("pivot_root", Syscalls.pivot_root, builder.String("."), builder.String("."));
        builder.Op("let go of the host's root", Syscalls.umount2, builder.String("."), MNT_DETACH);
        builder.Op("setsid", Syscalls.setsid).Tolerate(Errno.EPERM);
        foreach (int capability in CapabilitySets.Numbers(Capabilities.All))
        {
            builder.Op($"drop {Capabilities.Name(capability)} for good", Syscalls.prctl, PR_CAPBSET_DROP, capability, 0, 0, 0).Tolerate(Errno.EINVAL);
        }
        builder.Op("set no groups", Syscalls.setgroups, 0, 0);
        builder.Op($"set group {PauseUser}", Syscalls.setresgid, PauseUser, PauseUser, PauseUser);
        builder.Op($"set user {PauseUser}", Syscalls.setresuid, PauseUser, PauseUser, PauseUser);
        ProcessProgram.EmitCapset(builder, new CapabilitySets(0));
        builder.Op("set no_new_privs", Syscalls.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        builder.Park();
        return builder.Build();
    }
}
