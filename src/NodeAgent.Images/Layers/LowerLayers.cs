using System.Text;
using NodeAgent.Linux;
using static NodeAgent.Linux.InodeAttributes;

namespace NodeAgent.Images.Layers;

/// <summary>
/// The unpacked layers below one, seen as overlayfs will show them: names of upper layers hide those of lower ones, whiteouts hide, opaque folders
/// hide all below, folders of one name merge. Only looks. Not thread-safe.
/// </summary>
internal sealed class LowerLayers : IDisposable
{
    public static ReadOnlySpan<byte> OpaqueXattr => "trusted.overlay.opaque\0"u8;

    private readonly List<int> _roots = [];

    // The folders that merge at the path asked for last; whiteouts come folder by folder.
    private string _folder = "";
    private List<int> _merged;

    /// <param name="folders">Roots of the layers, topmost first.</param>
    public LowerLayers(IEnumerable<string> folders)
    {
        foreach (string folder in folders)
            _roots.Add(Openat2.OpenPath(folder, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC));
        _merged = _roots;
    }

    public bool IsEmpty => _roots.Count == 0;

    /// <summary>
    /// What the layers show under a path, as the folder it is in (a descriptor, good until the next call) and its last part; false when there is nothing.
    /// Symbolic links are not followed. An empty path is the topmost layer's root.
    /// </summary>
    public bool TryFind(string path, out int folderFd, out byte[] leaf, out statx_t stat)
    {
        int slash = path.LastIndexOf('/');
        leaf = path.Length == 0 ? ".\0"u8.ToArray() : CString.Of(Encoding.Latin1.GetBytes(path[(slash + 1)..]));
        foreach (int fd in Merged(slash < 0 ? "" : path[..slash]))
        {
            if (!TryStat(fd, leaf, out stat))
                continue;
            folderFd = fd;
            return !IsWhiteout(stat);
        }
        folderFd = -1;
        stat = default;
        return false;
    }

    public static bool IsWhiteout(in statx_t stat) => stat.Type == S_IFCHR && stat.stx_rdev_major == 0 && stat.stx_rdev_minor == 0;

    public static bool TryStat(int fd, ReadOnlySpan<byte> leaf, out statx_t stat) =>
        statx(fd, leaf, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, out stat) == 0;

    private List<int> Merged(string folder)
    {
        if (folder == _folder)
            return _merged;
        Release(_merged);
        _folder = folder;
        _merged = _roots;
        if (folder.Length == 0)
            return _merged;
        foreach (string part in folder.Split('/'))
        {
            List<int> next = Descend(_merged, CString.Of(Encoding.Latin1.GetBytes(part)));
            Release(_merged);
            _merged = next;
        }
        return _merged;
    }

    private static List<int> Descend(List<int> folders, byte[] name)
    {
        List<int> next = [];
        Span<byte> opaque = stackalloc byte[1];
        foreach (int folder in folders)
        {
            if (!TryStat(folder, name, out statx_t stat))
                continue;
            if (stat.Type != S_IFDIR)
                break;
            int fd = Openat2.openat(folder, name, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC);
            if (fd < 0)
                throw LayerRoot.Failed("openat", name);
            next.Add(fd);
            if (Xattr.fgetxattr(fd, OpaqueXattr, opaque) == 1 && opaque[0] == (byte)'y')
                break;
        }
        return next;
    }

    private void Release(List<int> folders)
    {
        if (ReferenceEquals(folders, _roots))
            return;
        foreach (int fd in folders)
            _ = Openat2.close(fd);
    }

    public void Dispose()
    {
        Release(_merged);
        _merged = _roots;
        foreach (int fd in _roots)
            _ = Openat2.close(fd);
        _roots.Clear();
    }
}
