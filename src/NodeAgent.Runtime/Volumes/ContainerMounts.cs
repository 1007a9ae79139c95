using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Sandbox;

namespace NodeAgent.Runtime.Volumes;

/// <summary>What one container gets its mounts from.</summary>
/// <param name="Rootfs">The container's root, a detached mount.</param>
/// <param name="SandboxFolder">Holds hosts, resolv.conf, hostname and shm, see <see cref="SandboxFiles"/>.</param>
/// <param name="ExpandSubPath">Expands <c>$(VAR)</c> of <c>subPathExpr</c>; throws for an unknown one.</param>
public sealed record MountSources(
    PodUid Uid,
    Pod Pod,
    Container Container,
    ContainerId Id,
    SafeFileHandle Rootfs,
    string SandboxFolder,
    Func<string, string> ExpandSubPath);

/// <summary>
/// The mounts of one container as detached trees, in the order in which they are attached; disposing closes those that nobody has attached.
///  1. the pod's own files, where the container mounts nothing of its own at their place
///  2. the volume mounts of the manifest
///  3. each target is made in the tree that it will lie in: the root, or an earlier volume
/// </summary>
public sealed class ContainerMounts : IDisposable
{
    private readonly List<(BundleMount Mount, SafeFileHandle Tree)> _mounts = [];

    private ContainerMounts()
    {
    }

    public IReadOnlyList<BundleMount> Mounts => [.. _mounts.Select(mount => mount.Mount)];

    public IEnumerable<SafeFileHandle> Trees => _mounts.Select(mount => mount.Tree);

    /// <exception cref="PodRuntimeException">CreateContainerConfigError: a volume that the container cannot have.</exception>
    /// <exception cref="LinuxException">A mount that the kernel refused.</exception>
    public static ContainerMounts Open(MountSources sources, PodVolumes volumes)
    {
        var mounts = new ContainerMounts();
        try
        {
            mounts.AddPodFiles(sources, volumes);
            foreach (VolumeMount mount in sources.Container.VolumeMounts ?? []) mounts.AddVolume(sources, volumes, mount);
            mounts.PlaceTargets(sources.Rootfs);
            return mounts;
        }
        catch
        {
            mounts.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach ((_, SafeFileHandle tree) in _mounts) tree.Dispose();
    }

    private void AddPodFiles(MountSources sources, PodVolumes volumes)
    {
        bool readOnlyRoot = sources.Container.SecurityContext?.ReadOnlyRootFilesystem == true;
        foreach ((string file, string target) in SandboxFiles.Mounted)
            AddOwn(sources, $"{sources.SandboxFolder}/{file}", target, new BindOptions { ReadOnly = readOnlyRoot });
        AddOwn(sources, SandboxFiles.ShmSource(sources.SandboxFolder, sources.Pod), "/dev/shm", new BindOptions());
        AddOwn(
            sources,
            volumes.TerminationLogPath(sources.Uid, sources.Container.Name!, sources.Id),
            sources.Container.TerminationMessagePath ?? TerminationLog.DefaultPath,
            new BindOptions());
    }

    private void AddOwn(MountSources sources, string source, string target, BindOptions options)
    {
        if (sources.Container.VolumeMounts?.Any(mount => mount.MountPath == target) == true) return;
        bool isDirectory = Directory.Exists(source);
        Add(new BundleMount(target, isDirectory, source), BindMounter.Open(source, options));
    }

    private void AddVolume(MountSources sources, PodVolumes volumes, VolumeMount mount)
    {
        Volume volume = sources.Pod.Spec?.Volumes?.FirstOrDefault(v => v.Name == mount.Name)
            ?? throw Refuse($"volumeMount {mount.MountPath} names volume {mount.Name}, which the pod does not have");
        string source = SourceOf(sources.Uid, volume, volumes);
        RefuseUnsharedSource(mount, source);

        SafeFileHandle opened = ConfinedPath.Open(source);
        try
        {
            string shown = $"volume {volume.Name}";
            if (SubPath(sources, mount) is { Length: > 0 } subPath)
            {
                SafeFileHandle inside = ConfinedPath.OpenOrMake(opened, subPath);
                opened.Dispose();
                opened = inside;
                shown += $" subPath {subPath}";
            }
            bool isDirectory = ConfinedPath.IsDirectory(opened, shown);
            Add(new BundleMount(mount.MountPath!, isDirectory, shown), BindMounter.Open(opened, shown, OptionsOf(mount)));
        }
        finally
        {
            opened.Dispose();
        }
    }

    private static string SourceOf(PodUid uid, Volume volume, PodVolumes volumes)
    {
        if (volume.EmptyDir is not null) return volumes.EmptyDirPath(uid, volume.Name!);
        if (volume.HostPath is { } hostPath) return HostPathVolume.Resolve(volume.Name!, hostPath);
        throw Refuse($"volume {volume.Name} is of a kind that this node does not offer: emptyDir and hostPath are");
    }

    private static string? SubPath(MountSources sources, VolumeMount mount)
    {
        string? path = mount.SubPathExpr is { Length: > 0 } expression ? sources.ExpandSubPath(expression) : mount.SubPath;
        if (path?.StartsWith('/') == true) throw Refuse($"volumeMount {mount.MountPath}: subPath {path} is absolute");
        if (path?.Split('/').Contains("..") == true) throw Refuse($"volumeMount {mount.MountPath}: subPath {path} contains ..");
        return path;
    }

    internal static BindOptions OptionsOf(VolumeMount mount) => new()
    {
        Recursive = true,
        ReadOnly = mount.ReadOnly == true,
        RecursiveReadOnly = mount.ReadOnly == true && mount.RecursiveReadOnly is RecursiveReadOnlyMode.Enabled or RecursiveReadOnlyMode.IfPossible,
        Propagation = mount.MountPropagation switch
        {
            MountPropagationMode.HostToContainer => MountPropagation.Slave,
            MountPropagationMode.Bidirectional => MountPropagation.Shared,
            _ => MountPropagation.Private,
        },
    };

    /// <summary>Mounts can only travel through a mount that the host itself shares; asking for it elsewhere would do nothing in silence.</summary>
    private static void RefuseUnsharedSource(VolumeMount mount, string source)
    {
        if (mount.MountPropagation is null or MountPropagationMode.None) return;
        string resolved = Path.GetFullPath(source);
        MountInfoEntry? host = MountInfo.Read()
            .Where(m => resolved == m.MountPoint || m.MountPoint == "/" || resolved.StartsWith(m.MountPoint + "/", StringComparison.Ordinal))
            .MaxBy(m => m.MountPoint.Length);
        bool shared = host?.Propagation.Contains("shared:", StringComparison.Ordinal) == true;
        bool slave = host?.Propagation.Contains("master:", StringComparison.Ordinal) == true;
        if (shared || (slave && mount.MountPropagation == MountPropagationMode.HostToContainer)) return;
        throw Refuse($"volumeMount {mount.MountPath}: mountPropagation {mount.MountPropagation} needs a shared mount, but {host?.MountPoint ?? "/"} on the host is private");
    }

    private void Add(BundleMount mount, SafeFileHandle tree) => _mounts.Add((mount, tree));

    private void PlaceTargets(SafeFileHandle rootfs)
    {
        IReadOnlyList<(BundleMount Mount, SafeFileHandle Tree)> ordered = BundleMount.InOrder(_mounts, mount => mount.Mount.Target);
        var placed = new List<(BundleMount Mount, SafeFileHandle Tree)>(ordered.Count);
        foreach ((BundleMount mount, SafeFileHandle tree) in ordered)
        {
            string target = IsBelowFilesystem(mount.Target) ? mount.Target : MountTargets.Prepare(rootfs, mount.Target, mount.IsDirectory);
            // What the root has at this place is hidden by an earlier volume above it: there it has to be made as well.
            if (placed.LastOrDefault(above => target.StartsWith(above.Mount.Target + "/", StringComparison.Ordinal)) is { Tree: { } outer } parent)
                MountTargets.Prepare(outer, target[parent.Mount.Target.Length..], mount.IsDirectory);
            placed.Add((mount with { Target = target }, tree));
        }
        _mounts.Clear();
        _mounts.AddRange(placed);
    }

    // The container's first process mounts these itself and makes the targets in /dev.
    private static bool IsBelowFilesystem(string target) =>
        target.StartsWith("/dev/", StringComparison.Ordinal) || target.StartsWith("/proc/", StringComparison.Ordinal)
        || target.StartsWith("/sys/", StringComparison.Ordinal);

    private static PodRuntimeException Refuse(string message) => new(RuntimeFailure.CreateContainerConfigError, message);
}
