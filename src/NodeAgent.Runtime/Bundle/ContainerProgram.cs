using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Errno;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Namespaces;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// The program of a container's first process: what happens in the child between clone3 and execve. Pure.
///
///  1. nothing that is mounted here shows on the host; what the host mounts still arrives in volumes that ask for it (rslave)
///  2. attach the root that the daemon made, make it the root; the host's stays stacked below until the file systems are complete
///  3. /proc, /sys, the cgroup tree; /dev with its nodes, links, devpts, shm, mqueue: all new, so nothing of the image is followed
///  4. hide and protect the parts of /proc and /sys that concern the whole machine, with our own /dev/null, before any volume could replace it
///  5. image volumes of a read-only root; volumes and files, each target opened without following links, then attached through that descriptor: a link put there meanwhile fails
///  6. let go of the host's tree; read-only root
///  7. become the process (<see cref="ProcessProgram"/>)
/// A failed step ends the child; its mount namespace and all it attached go with it, so no step needs an undo.
///
/// Passed fds: 0 is the root, 1 + i is <c>Mounts[i]</c>, all detached mounts.
/// </summary>
public static class ContainerProgram
{
    public const int RootFd = 0;

    /// <summary>Index of the descriptor of <c>Mounts[i]</c> among those passed with the program.</summary>
    public static int MountFd(int i) => 1 + i;

    /// <summary>How many descriptors the program takes; the caller's own (program, cgroup, log) come after them.</summary>
    public static int FdCount(ContainerSpec spec) => 1 + spec.Mounts.Count;

    /// <summary>For START. With <see cref="PidNamespaceMode.Pod"/> START also takes the pod's pid namespace.</summary>
    public static ulong CloneFlags(ContainerSpec spec) =>
        CLONE_NEWNS | CLONE_NEWCGROUP | (spec.PidNamespace == PidNamespaceMode.Own ? CLONE_NEWPID : 0);

    /// <exception cref="PodRuntimeException">CreateContainerConfigError: a mount at a target that is not allowed (<see cref="MountTargets.Objection"/>).</exception>
    public static SyscallProgram Build(ContainerSpec spec)
    {
        if (spec.Process.Argv.Count == 0) throw new ArgumentException($"container {spec.Name}: no command", nameof(spec));
        foreach (BundleMount mount in spec.Mounts)
        {
            if (MountTargets.Objection(mount.Target) is { } objection)
                throw new PodRuntimeException(RuntimeFailure.CreateContainerConfigError, $"container {spec.Name}: {mount.Source}: {objection}");
        }
        SyscallProgramBuilder builder = new();
        builder.Op("umask 0", Syscalls.umask, 0);
        EmitRoot(builder, spec);
        ProgramSlot? terminal = FilesystemOps.Emit(builder, spec);
        EmitOomScore(builder, spec.OomScoreAdj);
        if (!spec.Privileged) MaskOps.Emit(builder, spec.MaskedPaths, spec.ReadOnlyPaths);
        if (spec.ReadOnlyRootFilesystem) EmitWritable(builder, spec.WritablePaths);
        EmitVolumes(builder, spec);
        builder.Op("let go of the host's root", Syscalls.umount2, builder.String("."), MNT_DETACH);
        if (spec.ReadOnlyRootFilesystem)
        {
            BlobRef readOnly = builder.Struct(new mount_attr { attr_set = MOUNT_ATTR_RDONLY });
            builder.Op("make the root read-only", Syscalls.mount_setattr, Openat2.AT_FDCWD, builder.String("/"), 0, readOnly, 32);
        }
        ProcessProgram.Emit(builder, spec.Process, terminal, $"_ses.{spec.Name}");
        return builder.Build();
    }

    private static void EmitRoot(SyscallProgramBuilder builder, ContainerSpec spec)
    {
        builder.Op("make / rslave", Syscalls.mount, 0, builder.String("/"), 0, MS_REC | MS_SLAVE, 0);
        builder.Op(
            "attach the root", Syscalls.move_mount,
            ProgramArg.PassedFd(RootFd), builder.String(""), Openat2.AT_FDCWD, builder.String(spec.RootMountPoint), MOVE_MOUNT_F_EMPTY_PATH);
        builder.Op("enter the root", Syscalls.chdir, builder.String(spec.RootMountPoint));
        builder.Op("pivot_root", Syscalls.pivot_root, builder.String("."), builder.String("."));
    }

    internal static void EmitOomScore(SyscallProgramBuilder builder, int? score)
    {
        if (score is not { } value) return;
        ProgramOp open = builder.Op(
            "open oom_score_adj", Syscalls.openat, Openat2.AT_FDCWD, builder.String("/proc/self/oom_score_adj"), Openat2.O_WRONLY | Openat2.O_CLOEXEC);
        ProgramSlot file = open.Keep();
        byte[] text = System.Text.Encoding.ASCII.GetBytes(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        // EACCES: lowering takes CAP_SYS_RESOURCE, which a daemon in a container of its own may lack.
        builder.Op($"set oom_score_adj {value}", Syscalls.write, file, builder.Bytes(text), text.Length).Tolerate(EACCES, EPERM).Report();
        builder.Op("close oom_score_adj", Syscalls.close, file);
    }

    // Read-only is a property of a mount: a second mount of the same directory keeps its own.
    private static void EmitWritable(SyscallProgramBuilder builder, IReadOnlyList<string> paths)
    {
        if (paths.Count == 0) return;
        BlobRef how = builder.Struct(new Openat2.open_how
        {
            flags = (ulong)(uint)(Openat2.O_PATH | Openat2.O_CLOEXEC),
            resolve = Openat2.RESOLVE_NO_SYMLINKS | Openat2.RESOLVE_NO_MAGICLINKS,
        });
        ProgramSlot directory = builder.NewSlot();
        ProgramSlot tree = builder.NewSlot();
        foreach (string path in paths)
        {
            builder.Op($"open image volume {path}", Syscalls.openat2, Openat2.AT_FDCWD, builder.String(path), how, 24).Into(directory);
            builder.Op(
                $"copy the mount of {path}", Syscalls.open_tree,
                directory, builder.String(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH).Into(tree);
            builder.Op(
                $"mount image volume {path}", Syscalls.move_mount,
                tree, builder.String(""), directory, builder.String(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
            builder.Op($"close mount of {path}", Syscalls.close, tree);
            builder.Op($"close image volume {path}", Syscalls.close, directory);
        }
    }

    private static void EmitVolumes(SyscallProgramBuilder builder, ContainerSpec spec)
    {
        if (spec.Mounts.Count == 0) return;
        BlobRef how = builder.Struct(new Openat2.open_how
        {
            flags = (ulong)(uint)(Openat2.O_PATH | Openat2.O_CLOEXEC),
            resolve = Openat2.RESOLVE_NO_SYMLINKS | Openat2.RESOLVE_NO_MAGICLINKS,
        });
        ProgramSlot target = builder.NewSlot();
        HashSet<string> made = new(StringComparer.Ordinal);
        for (int i = 0; i < spec.Mounts.Count; i++)
        {
            BundleMount mount = spec.Mounts[i];
            bool devIsVolume = spec.Mounts.Take(i).Any(earlier => earlier.Target == "/dev");
            if (mount.Target.StartsWith("/dev/", StringComparison.Ordinal) && !devIsVolume) EmitTargetInDev(builder, mount, made);
            builder.Op($"open mount point {mount.Target}", Syscalls.openat2, Openat2.AT_FDCWD, builder.String(mount.Target), how, 24).Into(target);
            builder.Op(
                $"mount {mount.Source} on {mount.Target}", Syscalls.move_mount,
                ProgramArg.PassedFd(MountFd(i)), builder.String(""), target, builder.String(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
            builder.Op($"close mount point {mount.Target}", Syscalls.close, target);
        }
    }

    // /dev is new and ours: what the daemon prepares in the root lies hidden below it.
    private static void EmitTargetInDev(SyscallProgramBuilder builder, BundleMount mount, HashSet<string> made)
    {
        string[] parts = mount.Target.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string path = "/dev";
        for (int i = 1; i < parts.Length; i++)
        {
            path += "/" + parts[i];
            if (!made.Add(path)) continue;
            if (i < parts.Length - 1 || mount.IsDirectory)
            {
                builder.Op($"make directory {path}", Syscalls.mkdirat, Openat2.AT_FDCWD, builder.String(path), 0x1ed /* 0755 */).Tolerate(EEXIST, EROFS);
            }
            else
            {
                builder.Op($"make file {path}", Syscalls.mknodat, Openat2.AT_FDCWD, builder.String(path), InodeAttributes.S_IFREG | 0x1b6 /* 0666 */, 0)
                    .Tolerate(EEXIST, EROFS);
            }
        }
    }
}
