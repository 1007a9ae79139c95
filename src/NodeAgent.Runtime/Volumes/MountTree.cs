using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Runtime.Volumes;

/// <summary>How a bind mount shares mounts made later, see mount_namespaces(7).</summary>
public enum Propagation
{
    Private,

    /// <summary>What the host mounts inside appears in the container.</summary>
    Slave,

    /// <summary>And the other way round.</summary>
    Shared,
}

/// <summary>How far read-only reaches.</summary>
public enum ReadOnlyMode
{
    No,

    /// <summary>The volume itself, not what is mounted inside it: what <c>readOnly: true</c> has always meant.</summary>
    TopMount,
    Recursive,
}

/// <summary>
/// Detached copies of mounts: a tree that belongs to a file descriptor and vanishes with it, unless a container's first process attaches it. So nothing of a
/// container's mounts is ever visible on the host. See open_tree(2), mount_setattr(2).
/// </summary>
public static class MountTree
{
    /// <summary>A detached copy of what is at a path of the host, with everything mounted inside it.</summary>
    public static SafeFileHandle Clone(string path) => Clone(AT_FDCWD, path, path);

    /// <summary>A detached copy of what an open descriptor (O_PATH) stands for: no path that could be changed meanwhile is looked at.</summary>
    public static SafeFileHandle Clone(SafeFileHandle opened, string name) => Clone((int)opened.DangerousGetHandle(), "", name);

    private static SafeFileHandle Clone(int directory, string path, string name)
    {
        uint flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | (path.Length == 0 ? (uint)AT_EMPTY_PATH : 0);
        return Own(LinuxException.Check(open_tree(directory, CString.Of(path), flags), "open_tree", name));
    }

    public static void Configure(SafeFileHandle tree, ReadOnlyMode readOnly, Propagation propagation, string name)
    {
        ulong type = propagation switch
        {
            Propagation.Slave => MS_SLAVE,
            Propagation.Shared => MS_SHARED,
            _ => MS_PRIVATE,
        };
        Set(tree, AT_RECURSIVE, new mount_attr { propagation = type, attr_set = readOnly == ReadOnlyMode.Recursive ? MOUNT_ATTR_RDONLY : 0 }, name);
        if (readOnly == ReadOnlyMode.TopMount) Set(tree, 0, new mount_attr { attr_set = MOUNT_ATTR_RDONLY }, name);
    }

    /// <summary>
    /// Opens a path below a folder with every link resolved inside it, as if the folder were the root: a link to <c>/etc</c> leads to the folder's own
    /// <c>etc</c>. O_PATH: works for sockets and devices too.
    /// </summary>
    public static SafeFileHandle? TryOpenInside(SafeFileHandle root, string path)
    {
        int fd = openat2((int)root.DangerousGetHandle(), CString.Of(path.TrimStart('/') is { Length: > 0 } inner ? inner : "."),
            O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (fd >= 0) return Own(fd);
        if (Marshal.GetLastPInvokeError() == Errno.ENOENT) return null;
        throw new LinuxException("openat2", path, Marshal.GetLastPInvokeError());
    }

    /// <summary>The folder at a path inside; the parts that are missing are made and belong to root.</summary>
    /// <param name="mode">Permission bits of the parts that are made, whatever the umask.</param>
    public static SafeFileHandle OpenOrMakeInside(SafeFileHandle root, string path, uint mode)
    {
        if (TryOpenInside(root, path) is { } there) return there;
        SafeFileHandle at = TryOpenInside(root, "/")!;
        string walked = "";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            walked += "/" + part;
            SafeFileHandle? next = TryOpenInside(root, walked);
            if (next is null)
            {
                // EEXIST: another container makes it too, or it is a link that leads nowhere; then opening it again says so.
                int parent = (int)at.DangerousGetHandle();
                if (DirectoryEntries.mkdirat(parent, CString.Of(part), mode) == 0)
                    LinuxException.Check(InodeAttributes.fchmodat(parent, CString.Of(part), mode), "chmod", walked);
                else if (Marshal.GetLastPInvokeError() != Errno.EEXIST)
                    LinuxException.ThrowLast("mkdir", walked);
                next = TryOpenInside(root, walked) ?? throw new LinuxException("openat2", walked, Errno.ENOENT);
            }
            at.Dispose();
            at = next;
        }
        return at;
    }

    public static SafeFileHandle OpenPath(string path) => Own(Openat2.OpenPath(path, O_PATH | O_CLOEXEC));

    public static bool IsDirectory(SafeFileHandle opened, string name) => Stat(opened, name).Type == InodeAttributes.S_IFDIR;

    public static InodeAttributes.statx_t Stat(SafeFileHandle opened, string name)
    {
        LinuxException.Check(InodeAttributes.statx((int)opened.DangerousGetHandle(), out InodeAttributes.statx_t stat), "statx", name);
        return stat;
    }

    private static void Set(SafeFileHandle tree, uint flags, mount_attr attributes, string name) =>
        LinuxException.Check(mount_setattr((int)tree.DangerousGetHandle(), "\0"u8, AT_EMPTY_PATH | flags, attributes), "mount_setattr", name);

    private static SafeFileHandle Own(int fd) => new(fd, ownsHandle: true);
}
