using NodeAgent.Linux;

namespace NodeAgent.Runtime.Bundle;

/// <summary>The device nodes of the host's <c>/dev</c>, which a privileged container gets.</summary>
public static class HostDevices
{
    // Trees that a container has of its own, or that are the host's terminals and log.
    private static readonly string[] Skipped = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev"];

    /// <summary>Character and block devices below a directory, ordered by path; links are not followed. <c>/dev/console</c> is left out: it would be the machine's.</summary>
    public static IReadOnlyList<DeviceNode> List(string directory = "/dev")
    {
        List<DeviceNode> devices = [];
        Collect(directory, "/dev", devices);
        devices.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return devices;
    }

    private static void Collect(string directory, string shown, List<DeviceNode> into)
    {
        foreach (string path in Directory.EnumerateFileSystemEntries(directory))
        {
            string name = shown + "/" + Path.GetFileName(path);
            if (Skipped.Contains(name) || name == "/dev/console") continue;
            // A node that went away meanwhile, as hot-plugged ones do, is none.
            if (InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(path), InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t status) < 0) continue;
            switch (status.Type)
            {
                case InodeAttributes.S_IFDIR:
                    Collect(path, name, into);
                    break;
                case InodeAttributes.S_IFCHR or InodeAttributes.S_IFBLK:
                    into.Add(new DeviceNode(name, status.Type == InodeAttributes.S_IFBLK ? 'b' : 'c', status.stx_rdev_major, status.stx_rdev_minor, status.Permissions, status.stx_uid, status.stx_gid));
                    break;
            }
        }
    }
}
