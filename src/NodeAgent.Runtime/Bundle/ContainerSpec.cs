using NodeAgent.Linux;
using NodeAgent.Runtime.Security;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// One container, everything resolved: what <see cref="ContainerProgram"/> turns into a program. Nothing in it is looked up later.
/// Its net, ipc and uts namespaces are the shim's, so nothing of them is in here.
/// </summary>
public sealed record ContainerSpec
{
    /// <summary>Kubernetes' name of the container, for messages.</summary>
    public required string Name { get; init; }

    public required ProcessSpec Process { get; init; }

    /// <summary>An empty directory of the host, absolute: the root is attached there for a moment. All containers of a node can share one.</summary>
    public required string RootMountPoint { get; init; }

    /// <summary>Attached in this order, over the default file systems: parents before what is below them (<see cref="BundleMount.InOrder"/>).</summary>
    public IReadOnlyList<BundleMount> Mounts { get; init; } = [];

    public PidNamespaceMode PidNamespace { get; init; } = PidNamespaceMode.Own;

    /// <summary>Nodes of <c>/dev</c> beside the default ones; a privileged container gets the host's (<see cref="HostDevices"/>).</summary>
    public IReadOnlyList<DeviceNode> Devices { get; init; } = [];

    public bool ReadOnlyRootFilesystem { get; init; }

    /// <summary>
    /// Directories of the root that stay writable in a read-only one: the volumes that the image declares. Without symbolic links, made beforehand. They keep
    /// the image's content and live as long as the root does, so nothing has to be copied.
    /// </summary>
    public IReadOnlyList<string> WritablePaths { get; init; } = [];

    /// <summary>Leaves <c>/proc</c>, <c>/sys</c> and the cgroup tree writable and nothing of them hidden.</summary>
    public bool Privileged { get; init; }

    /// <summary>Hidden by an empty read-only directory or by <c>/dev/null</c>, where they exist. Ignored when privileged.</summary>
    public IReadOnlyList<string> MaskedPaths { get; init; } = DefaultPaths.Masked;

    /// <summary>Read-only where they exist. Ignored when privileged.</summary>
    public IReadOnlyList<string> ReadOnlyPaths { get; init; } = DefaultPaths.ReadOnly;

    /// <summary>−1000 to 1000; null leaves the shim's.</summary>
    public int? OomScoreAdj { get; init; }
}

/// <summary>What runs, as whom and with which rights: shared by a container's first process and by commands run in it later.</summary>
public sealed record ProcessSpec
{
    /// <summary>At least one. A first word without a slash is searched for in the PATH of <see cref="Env"/>.</summary>
    public required IReadOnlyList<string> Argv { get; init; }

    /// <summary><c>NAME=value</c>, each name once.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Absolute path in the container.</summary>
    public string WorkingDirectory { get; init; } = "/";

    public ProcessUser User { get; init; } = ProcessUser.Root;
    public CapabilitySets Capabilities { get; init; } = new(CapabilitySets.Default);
    public bool NoNewPrivileges { get; init; }

    /// <summary>A compiled filter (<see cref="SeccompCompiler"/>); empty for unconfined.</summary>
    public ReadOnlyMemory<byte> Seccomp { get; init; }

    /// <summary>One that the node cannot give is passed over and reported; the daemon's own then stands.</summary>
    public IReadOnlyList<Rlimit> Rlimits { get; init; } = Rlimit.Default;

    /// <summary>A terminal of the container's own devpts is its stdin, stdout and stderr, and its controlling one. START then needs stdio mode Terminal.</summary>
    public bool Tty { get; init; }

    /// <summary>Keeps the stdin that the shim made; else stdin is the container's own <c>/dev/null</c>. Without meaning with a terminal.</summary>
    public bool Stdin { get; init; }
}

/// <param name="Groups">All supplementary groups; the primary one is among them, so that no file permission for it is lost.</param>
public sealed record ProcessUser(uint Uid, uint Gid, IReadOnlyList<uint> Groups)
{
    public static readonly ProcessUser Root = new(0, 0, [0]);

    public override string ToString() => $"{Uid}:{Gid} groups {string.Join(',', Groups)}";
}

/// <param name="Resource">An <c>RLIMIT_*</c> of <see cref="Linux.Rlimits"/>.</param>
public readonly record struct Rlimit(int Resource, ulong Soft, ulong Hard)
{
    /// <summary>2^20 open files: what a container has under containerd's unit.</summary>
    public static readonly IReadOnlyList<Rlimit> Default = [OpenFiles(1 << 20)];

    public static Rlimit OpenFiles(ulong limit) => new(Rlimits.RLIMIT_NOFILE, limit, limit);
}

public enum PidNamespaceMode
{
    /// <summary>The container's process is pid 1 of a new one.</summary>
    Own,

    /// <summary>The pod's, which START enters by its <c>PidNamespaceFd</c>.</summary>
    Pod,
    Host,
}

/// <summary>A tree to be attached in the container. Its descriptor travels beside the program (<see cref="ContainerProgram.MountFd"/>).</summary>
/// <param name="Target">Absolute path in the container without symbolic links, as <see cref="MountTargets"/> returns it.</param>
/// <param name="IsDirectory">What the target is made as where the program has to make it (below <c>/dev</c>).</param>
/// <param name="Source">For people: volume or host path.</param>
public sealed record BundleMount(string Target, bool IsDirectory, string Source)
{
    /// <summary>Parents before children; those of one depth stay in their order.</summary>
    public static IReadOnlyList<T> InOrder<T>(IEnumerable<T> mounts, Func<T, string> target) =>
        [.. mounts.OrderBy(mount => target(mount).Split('/', StringSplitOptions.RemoveEmptyEntries).Length)];
}

/// <param name="Path">Below <c>/dev</c>, e.g. <c>/dev/fuse</c>.</param>
/// <param name="Type"><c>c</c> or <c>b</c>.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record DeviceNode(string Path, char Type, uint Major, uint Minor, uint Mode, uint Uid = 0, uint Gid = 0);
