using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Runtime.Volumes;

/// <summary>
/// Paths below a folder whose content is not to be trusted, with every link resolved inside it as if the folder were the root: a link to <c>/etc</c> leads to
/// the folder's own <c>etc</c>. Descriptors are O_PATH, which works for sockets and devices too. See openat2(2), RESOLVE_IN_ROOT.
/// </summary>
public static class ConfinedPath
{
    private const uint PermissionBits = 0xfff;

    /// <summary>Null when there is nothing at the path.</summary>
    public static SafeFileHandle? TryOpen(SafeFileHandle root, string path)
    {
        byte[] inner = CString.Of(path.TrimStart('/') is { Length: > 0 } rest ? rest : ".");
        int fd = openat2((int)root.DangerousGetHandle(), inner, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (fd >= 0) return new SafeFileHandle(fd, ownsHandle: true);
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOENT ? null : throw new LinuxException("openat2", path, errno);
    }

    /// <summary>The folder at a path; parts that are missing are made, belong to root and have the root folder's permission bits.</summary>
    public static SafeFileHandle OpenOrMake(SafeFileHandle root, string path)
    {
        if (TryOpen(root, path) is { } there) return there;
        uint mode = Stat(root, path).stx_mode & PermissionBits;
        SafeFileHandle at = TryOpen(root, "/")!;
        string walked = "";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            walked += "/" + part;
            SafeFileHandle next = TryOpen(root, walked) ?? Make(root, at, part, walked, mode);
            at.Dispose();
            at = next;
        }
        return at;
    }

    public static SafeFileHandle Open(string path) => new(OpenPath(path, O_PATH | O_CLOEXEC), ownsHandle: true);

    public static bool IsDirectory(SafeFileHandle opened, string name) => Stat(opened, name).Type == InodeAttributes.S_IFDIR;

    public static InodeAttributes.statx_t Stat(SafeFileHandle opened, string name)
    {
        LinuxException.Check(InodeAttributes.statx((int)opened.DangerousGetHandle(), out InodeAttributes.statx_t stat), "statx", name);
        return stat;
    }

    private static SafeFileHandle Make(SafeFileHandle root, SafeFileHandle parent, string part, string walked, uint mode)
    {
        int directory = (int)parent.DangerousGetHandle();
        byte[] name = CString.Of(part);
        // The umask has cut the mode. EEXIST: another container makes it too, or it is a link that leads nowhere, which opening it again tells.
        if (DirectoryEntries.mkdirat(directory, name, mode) == 0)
            LinuxException.Check(InodeAttributes.fchmodat(directory, name, mode), "chmod", walked);
        else if (Marshal.GetLastPInvokeError() != Errno.EEXIST)
            LinuxException.ThrowLast("mkdir", walked);
        return TryOpen(root, walked) ?? throw new LinuxException("openat2", walked, Errno.ENOENT);
    }
}
