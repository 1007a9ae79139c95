using System.Globalization;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using static NodeAgent.Linux.Mounts;

namespace NodeAgent.Runtime.Volumes;

/// <summary>
/// The volumes that belong to a pod and live as long as it does, over all its sandboxes:
/// <code>
/// {root}/pods/{uid}/
///   volumes/emptydir/{name}/       a folder, or a tmpfs when its medium is Memory
///   containers/{name}/{id}         termination logs
/// </code>
/// Preparing and removing can be done again at any point.
/// </summary>
public sealed class PodVolumes(StatePaths paths)
{
    // Everybody in the pod may write, whoever they run as; with an fsGroup new files inherit it.
    private const uint OpenToAll = 0x1ff; // 0777
    private const uint SetGroupId = 0x400; // 02000

    public string EmptyDirPath(PodUid uid, string name) => $"{paths.PodVolumes(uid.Value)}/volumes/emptydir/{name}";

    public string TerminationLogPath(PodUid uid, string container, ContainerId id) => $"{paths.PodVolumes(uid.Value)}/containers/{container}/{id}";

    public bool Exist(PodUid uid) => Directory.Exists(paths.PodVolumes(uid.Value));

    /// <summary>The pods that have volumes, wanted or not.</summary>
    public IReadOnlyList<PodUid> Pods() =>
        Directory.Exists(paths.Volumes) ? [.. Directory.EnumerateDirectories(paths.Volumes).Select(folder => new PodUid(Path.GetFileName(folder)))] : [];

    /// <summary>Makes what the pod's volumes need. Throws <see cref="LinuxException"/> or <see cref="IOException"/>.</summary>
    /// <param name="allocatableMemory">Bytes that the node can give to pods: what a volume in memory may hold when nothing else limits it.</param>
    public void Prepare(PodUid uid, Pod pod, long allocatableMemory)
    {
        foreach (Volume volume in pod.Spec?.Volumes ?? [])
        {
            if (volume.EmptyDir is { } emptyDir) PrepareEmptyDir(uid, pod, volume.Name!, emptyDir, allocatableMemory);
        }
    }

    /// <summary>Unmounts and deletes everything the pod's volumes hold.</summary>
    public void Remove(PodUid uid)
    {
        string folder = paths.PodVolumes(uid.Value);
        if (!Directory.Exists(folder)) return;
        // Deepest first. Containers may have mounted something of their own there (Bidirectional).
        string prefix = Path.GetFullPath(folder) + "/";
        foreach (MountInfoEntry mount in MountInfo.Read(paths.Proc).Where(m => m.MountPoint.StartsWith(prefix, StringComparison.Ordinal)).Reverse())
            Unmount(mount.MountPoint);
        DirectoryTree.Remove(folder);
    }

    public static void Unmount(string path)
    {
        if (umount2(CString.Of(path), MNT_DETACH) == 0) return;
        int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
        // Not a mount, or gone.
        if (errno is not (Errno.EINVAL or Errno.ENOENT)) throw new LinuxException("umount", path, errno);
    }

    public static void MountTmpfs(string path, ulong flags, string options) =>
        LinuxException.Check(mount("tmpfs\0"u8, CString.Of(path), "tmpfs\0"u8, flags, CString.Of(options)), "mount tmpfs", path);

    /// <summary>Whether something is mounted at the folder: it is on another device than its parent.</summary>
    public static bool IsMountPoint(string folder)
    {
        using var inside = ConfinedPath.Open(folder);
        using var outside = ConfinedPath.Open(Path.GetDirectoryName(folder)!);
        InodeAttributes.statx_t a = ConfinedPath.Stat(inside, folder);
        InodeAttributes.statx_t b = ConfinedPath.Stat(outside, folder);
        return (a.stx_dev_major, a.stx_dev_minor) != (b.stx_dev_major, b.stx_dev_minor);
    }

    private void PrepareEmptyDir(PodUid uid, Pod pod, string name, EmptyDirVolumeSource emptyDir, long allocatableMemory)
    {
        string folder = EmptyDirPath(uid, name);
        bool fresh = !Directory.Exists(folder);
        if (fresh) Directory.CreateDirectory(folder);
        if (emptyDir.Medium == StorageMedium.Memory && !IsMountPoint(folder))
        {
            MountTmpfs(folder, 0, TmpfsOptions(pod, emptyDir, allocatableMemory));
            fresh = true;
        }
        if (!fresh) return;

        long? group = pod.Spec?.SecurityContext?.FsGroup;
        byte[] path = CString.Of(folder);
        if (group is { } gid)
            LinuxException.Check(InodeAttributes.fchownat(Openat2.AT_FDCWD, path, uint.MaxValue, (uint)gid, 0), "chown", folder);
        LinuxException.Check(InodeAttributes.fchmodat(Openat2.AT_FDCWD, path, OpenToAll | (group is null ? 0 : SetGroupId)), "chmod", folder);
    }

    /// <summary>As large as the node has memory for pods, or less: the pod's memory limit, which its pages are charged to, and the volume's own.</summary>
    internal static string TmpfsOptions(Pod pod, EmptyDirVolumeSource emptyDir, long allocatableMemory)
    {
        long size = allocatableMemory;
        if (emptyDir.SizeLimit is { IsZero: false } limit) size = Math.Min(size, limit.Value);
        if (PodResources.Limit(pod, ResourceName.Memory) is { } memory) size = Math.Min(size, memory);
        return $"mode=0777,size={size.ToString(CultureInfo.InvariantCulture)}";
    }
}
