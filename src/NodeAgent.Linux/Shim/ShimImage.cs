using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux.Shim;

/// <summary>
/// The shim's program as it is executed: through a detached, read-only copy of its mount, where the kernel allows it. A container that gets hold of
/// <c>/proc/PID/exe</c> of a shim can then not open it for writing, not even after the shim has ended (EROFS; the attack is that of CVE-2019-5736).
/// open_tree is of Linux 5.2, mount_setattr of 5.12, and both want CAP_SYS_ADMIN.
/// </summary>
public sealed class ShimImage : IDisposable
{
    private readonly SafeFileHandle? _mount;
    private readonly string _file;

    private ShimImage(string file, SafeFileHandle? mount, LinuxException? unprotected)
    {
        _file = file;
        _mount = mount;
        Unprotected = unprotected;
    }

    /// <summary>Why the program is executed from its ordinary path, or null.</summary>
    public LinuxException? Unprotected { get; }

    /// <summary>What to execute, in this process.</summary>
    public string ExecPath => _mount is null ? _file : $"/proc/self/fd/{_mount.DangerousGetHandle()}";

    public static ShimImage Open(string file)
    {
        byte[] path = CString.Of(file);
        int fd = Mounts.open_tree(Openat2.AT_FDCWD, path, Mounts.OPEN_TREE_CLONE | Mounts.OPEN_TREE_CLOEXEC);
        if (fd < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno is Errno.ENOENT or Errno.ENOTDIR)
                throw new LinuxException("open_tree", file, errno);
            return new ShimImage(file, null, new LinuxException("open_tree", file, errno));
        }

        SafeFileHandle mount = new(fd, ownsHandle: true);
        Mounts.mount_attr readOnly = new() { attr_set = Mounts.MOUNT_ATTR_RDONLY | Mounts.MOUNT_ATTR_NOSUID | Mounts.MOUNT_ATTR_NODEV };
        if (Mounts.mount_setattr(fd, "\0"u8, Mounts.AT_EMPTY_PATH, readOnly) == 0)
            return new ShimImage(file, mount, null);
        LinuxException unprotected = new("mount_setattr", file, Marshal.GetLastPInvokeError());
        mount.Dispose();
        return new ShimImage(file, null, unprotected);
    }

    public void Dispose() => _mount?.Dispose();
}
