using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Errno;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Runtime.Bundle;

/// <summary>The file systems every container has: /proc, /sys, /sys/fs/cgroup and a /dev of its own. The root is the container's already.</summary>
internal static class FilesystemOps
{
    private const int Harmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    private static readonly DeviceNode[] DefaultDevices =
    [
        new("/dev/null", 'c', 1, 3, 0x1b6),
        new("/dev/zero", 'c', 1, 5, 0x1b6),
        new("/dev/full", 'c', 1, 7, 0x1b6),
        new("/dev/random", 'c', 1, 8, 0x1b6),
        new("/dev/urandom", 'c', 1, 9, 0x1b6),
        new("/dev/tty", 'c', 5, 0, 0x1b6),
    ];

    private static readonly (string Target, string Path)[] DefaultLinks =
    [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
        ("/proc/kcore", "/dev/core"),
        ("pts/ptmx", "/dev/ptmx"),
    ];

    // The group "tty" of every Debian- and Red Hat-like image; devpts gives terminals to it.
    private const uint TtyGroup = 5;

    /// <returns>The terminal, when the process is to have one.</returns>
    internal static ProgramSlot? Emit(SyscallProgramBuilder builder, ContainerSpec spec)
    {
        MountNew(builder, "proc", "/proc", "proc", Harmless, null);
        EmitSys(builder, spec.Privileged);
        MountNew(builder, "tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
        EmitNodes(builder, spec.Devices);
        Directory(builder, "/dev/pts");
        MountNew(builder, "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, $"newinstance,ptmxmode=0666,mode=0620,gid={TtyGroup}");
        Directory(builder, "/dev/mqueue");
        // The queues are those of the ipc namespace: the pod's.
        MountNew(builder, "mqueue", "/dev/mqueue", "mqueue", Harmless, null);
        Directory(builder, "/dev/shm");
        if (spec.Mounts.All(mount => mount.Target != "/dev/shm"))
        {
            MountNew(builder, "shm", "/dev/shm", "tmpfs", Harmless, "mode=1777,size=65536k");
        }
        return spec.Process.Tty ? EmitConsole(builder) : null;
    }

    private static void EmitSys(SyscallProgramBuilder builder, bool writable)
    {
        // One superblock serves all mounts of one network namespace and keeps the first one's read-only flag: so mount it writable and protect the mount.
        MountNew(builder, "sysfs", "/sys", "sysfs", Harmless, null);
        // Visible is what lies below the container's own cgroup: its namespace starts there. Without cgroup2 in the kernel the pod still runs.
        builder.Op(
            "mount cgroup2 on /sys/fs/cgroup", Syscalls.mount,
            builder.String("cgroup"), builder.String("/sys/fs/cgroup"), builder.String("cgroup2"),
            Harmless | MS_RELATIME | (writable ? 0 : MS_RDONLY), 0).TolerateAny().Report();
        if (writable) return;
        builder.Op(
            "make /sys read-only", Syscalls.mount, 0, builder.String("/sys"), 0, MS_REMOUNT | MS_BIND | MS_RDONLY | Harmless, 0);
    }

    private static void EmitNodes(SyscallProgramBuilder builder, IReadOnlyList<DeviceNode> devices)
    {
        HashSet<string> made = [.. DefaultDevices.Select(device => device.Path), .. DefaultLinks.Select(link => link.Path), "/dev/console"];
        foreach (DeviceNode device in DefaultDevices) EmitNode(builder, device);
        foreach ((string target, string path) in DefaultLinks)
        {
            builder.Op($"link {path} to {target}", Syscalls.symlinkat, builder.String(target), AT_FDCWD, builder.String(path));
        }
        foreach (DeviceNode device in devices)
        {
            foreach (string parent in Parents(device.Path))
            {
                if (made.Add(parent)) Directory(builder, parent);
            }
            if (made.Add(device.Path)) EmitNode(builder, device);
        }
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (int slash = path.IndexOf('/', "/dev/".Length); slash > 0; slash = path.IndexOf('/', slash + 1)) yield return path[..slash];
    }

    private static void EmitNode(SyscallProgramBuilder builder, DeviceNode device)
    {
        uint type = device.Type == 'b' ? InodeAttributes.S_IFBLK : InodeAttributes.S_IFCHR;
        builder.Op(
            $"mknod {device.Path}", Syscalls.mknodat,
            AT_FDCWD, builder.String(device.Path), type | device.Mode, DirectoryEntries.makedev(device.Major, device.Minor));
        if (device.Uid != 0 || device.Gid != 0)
        {
            builder.Op($"chown {device.Path}", Syscalls.fchownat, AT_FDCWD, builder.String(device.Path), device.Uid, device.Gid, 0);
        }
    }

    // The terminal under its second name, which programs that write to the console of their machine look for.
    private static ProgramSlot EmitConsole(SyscallProgramBuilder builder)
    {
        ProgramSlot terminal = TerminalOps.EmitOpen(builder);
        builder.Op("make /dev/console", Syscalls.mknodat, AT_FDCWD, builder.String("/dev/console"), InodeAttributes.S_IFREG | 0x180 /* 0600 */, 0);
        ProgramSlot tree = builder.Op("copy the terminal's mount", Syscalls.open_tree, terminal, builder.String(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH).Keep();
        builder.Op("mount the terminal on /dev/console", Syscalls.move_mount, tree, builder.String(""), AT_FDCWD, builder.String("/dev/console"), MOVE_MOUNT_F_EMPTY_PATH);
        return terminal;
    }

    private static void Directory(SyscallProgramBuilder builder, string path) =>
        builder.Op($"make directory {path}", Syscalls.mkdirat, AT_FDCWD, builder.String(path), 0x1ed /* 0755 */).Tolerate(EEXIST);

    internal static void MountNew(SyscallProgramBuilder builder, string source, string target, string type, int flags, string? data) =>
        builder.Op(
            $"mount {type} on {target}", Syscalls.mount,
            builder.String(source), builder.String(target), builder.String(type), flags, data is null ? 0 : builder.String(data));
}
