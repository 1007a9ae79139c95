using System.Globalization;
using System.Text;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Namespaces;

namespace NodeAgent.Runtime.Bundle;

/// <summary>What a pod's shim makes of itself before the first container: the holder of the pod's net, ipc and uts namespaces.</summary>
public sealed record SandboxSpec
{
    public bool HostNetwork { get; init; }
    public bool HostIpc { get; init; }

    /// <summary>At most 63 bytes. Not set with the host's network: then the pod also keeps the host's uts namespace and name.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>Whether a cgroup v2 directory for the shim itself is passed as fd 0.</summary>
    public bool JoinsCgroup { get; init; }

    /// <summary>−1000 to 1000; null leaves it. The shim is meant to outlive its containers under memory pressure: −998.</summary>
    public int? OomScoreAdj { get; init; } = -998;

    /// <summary>Settings of the pod's own namespaces, in dotted or slashed form: <c>net.ipv4.ip_unprivileged_port_start</c>.</summary>
    public IReadOnlyList<(string Name, string Value)> Sysctls { get; init; } = [];
}

/// <summary>
/// The program that the shim plays in itself (RUN). Pure.
///
///  1. join the pod's own leaf of the cgroup tree, so that what the shim uses counts for the pod
///  2. protect it from the OOM killer, as far as the daemon may
///  3. new net, ipc and uts namespaces, except those the pod shares with the host
///  4. host name; loopback up; settings
/// A failure leaves the shim half made: the caller ends it, and its namespaces go with it.
/// </summary>
public static class SandboxProgram
{
    /// <summary>Index of the shim's cgroup directory among the passed fds.</summary>
    public const int CgroupFd = 0;

    public static SyscallProgram Build(SandboxSpec spec)
    {
        SyscallProgramBuilder builder = new();
        if (spec.JoinsCgroup) EmitCgroup(builder);
        ContainerProgram.EmitOomScore(builder, spec.OomScoreAdj);
        EmitNamespaces(builder, spec);
        if (!spec.HostNetwork) EmitLoopback(builder);
        foreach ((string name, string value) in spec.Sysctls) EmitSysctl(builder, name, value);
        return builder.Build();
    }

    private static void EmitCgroup(SyscallProgramBuilder builder)
    {
        ProgramSlot file = builder.Op(
            "open cgroup.procs", Syscalls.openat, ProgramArg.PassedFd(CgroupFd), builder.String("cgroup.procs"), Openat2.O_WRONLY | Openat2.O_CLOEXEC).Keep();
        builder.Op("join the pod's cgroup", Syscalls.write, file, builder.Bytes("0"u8), 1);
        builder.Op("close cgroup.procs", Syscalls.close, file);
    }

    private static void EmitNamespaces(SyscallProgramBuilder builder, SandboxSpec spec)
    {
        ulong flags = (spec.HostNetwork ? 0 : CLONE_NEWNET | CLONE_NEWUTS) | (spec.HostIpc ? 0 : CLONE_NEWIPC);
        if (flags != 0) builder.Op("new namespaces", Syscalls.unshare, flags);
        if (spec.HostNetwork || spec.Hostname.Length == 0) return;
        byte[] name = Encoding.UTF8.GetBytes(spec.Hostname);
        builder.Op($"set host name {spec.Hostname}", Syscalls.sethostname, builder.Bytes(name), name.Length);
    }

    private static void EmitLoopback(SyscallProgramBuilder builder)
    {
        // The kernel gives lo its addresses when it comes up.
        ProgramSlot socket = builder.Op("socket for lo", Syscalls.socket, Ifreq.AF_INET, Ifreq.SOCK_DGRAM | Ifreq.SOCK_CLOEXEC, 0).Keep();
        builder.Op("lo up", Syscalls.ioctl, socket, Ifreq.SIOCSIFFLAGS, builder.Bytes(Ifreq.WithFlags("lo", Ifreq.IFF_UP)));
        builder.Op("close socket for lo", Syscalls.close, socket);
    }

    private static void EmitSysctl(SyscallProgramBuilder builder, string name, string value)
    {
        // Opened in the namespaces just made, so these are theirs. A name with a slash keeps its dots (interface names have some).
        string path = "/proc/sys/" + (name.Contains('/', StringComparison.Ordinal) ? name : name.Replace('.', '/'));
        byte[] text = Encoding.UTF8.GetBytes(value);
        ProgramSlot file = builder.Op($"open {path}", Syscalls.openat, Openat2.AT_FDCWD, builder.String(path), Openat2.O_WRONLY | Openat2.O_CLOEXEC).Keep();
        builder.Op(string.Create(CultureInfo.InvariantCulture, $"set {name} to {value}"), Syscalls.write, file, builder.Bytes(text), text.Length);
        builder.Op($"close {path}", Syscalls.close, file);
    }
}
