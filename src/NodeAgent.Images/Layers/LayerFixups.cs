using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Linux;
using static NodeAgent.Linux.InodeAttributes;

namespace NodeAgent.Images.Layers;

/// <summary>
/// What is left to do when all entries of a layer are written, because it depends on the layers below or has to come last.
/// Layers are unpacked at the same time as those below them; this part runs when those are finished. Paths are Latin-1, without a leading slash.
/// </summary>
internal sealed class LayerFixups
{
    /// <summary>Folders that the layer needs but does not describe: they look like the folder of that name below.</summary>
    public required HashSet<string> ImpliedFolders { get; init; }

    public bool RootDescribed { get; set; }
    public HashSet<string> Whiteouts { get; } = new(StringComparer.Ordinal);
    public HashSet<string> OpaqueFolders { get; } = new(StringComparer.Ordinal);

    /// <summary>Hard links whose target is not in the layer.</summary>
    public List<(string Name, string Target)> LinksBelow { get; } = [];

    /// <summary>In the order of the entries.</summary>
    public OrderedDictionary<string, timespec> FolderTimes { get; } = new(StringComparer.Ordinal);

    public int RefusedXattrs { get; set; }
    public string? FirstRefusedXattr { get; set; }

    /// <summary>
    /// 1. links to files of layers below; 2. whiteouts; 3. opaque folders; 4. folders without a description; 5. times of folders, innermost last
    /// described first, because every step before this one changes them. Throws <see cref="LayerException"/>.
    /// </summary>
    /// <param name="folder">Where the layer was unpacked.</param>
    /// <param name="below">Roots of the layers below, topmost first; finished.</param>
    public void Apply(string folder, IReadOnlyList<string> below)
    {
        using LayerRoot root = new(folder);
        using LowerLayers lower = new(below);
        Dictionary<string, string> broughtUp = new(StringComparer.Ordinal);
        foreach ((string name, string target) in LinksBelow)
            LinkBelow(root, lower, name, target, broughtUp);
        if (!lower.IsEmpty)
        {
            foreach (string path in Whiteouts)
                Hide(root, lower, path);
            foreach (string path in OpaqueFolders)
                MakeOpaque(root, lower, path);
            Inherit(root, lower);
        }
        foreach ((string path, timespec time) in FolderTimes.Reverse())
            SetTime(root, path, time);
    }

    private static byte[] Bytes(string path) => Encoding.Latin1.GetBytes(path);

    private static ReadOnlySpan<byte> Split(string path, out ReadOnlySpan<byte> leaf) => LayerPath.SplitLeaf(CString.Of(Bytes(path)), out leaf);

    /// <summary>
    /// As a write to one of the names would do: the file comes up under its own name, and the new name is a link to it. Where the layer hides that name or
    /// gives it to another file, later in the archive, the new name is all that stays of the old file.
    /// </summary>
    /// <param name="broughtUp">Where the files of the targets before are now.</param>
    private void LinkBelow(LayerRoot root, LowerLayers lower, string name, string target, Dictionary<string, string> broughtUp)
    {
        if (!lower.TryFind(target, out int lowerFd, out byte[] lowerLeaf, out statx_t stat))
        {
            throw new LayerException(
                $"entry '{TarReader.Printable(Bytes(name))}': it is a hard link to '{TarReader.Printable(Bytes(target))}', which is neither in this layer nor below");
        }
        if (LowerLayers.TryStat(root.OpenFolder(Split(name, out ReadOnlySpan<byte> leaf)), leaf, out _))
            return; // given to another file later in the layer
        if (broughtUp.TryGetValue(target, out string? there))
        {
            Link(root, there, name);
            return;
        }
        string first = IsHidden(target) || Exists(root, target) ? name : target;
        CopyUp.Copy(lowerFd, lowerLeaf, stat, root.OpenFolder(Split(first, out ReadOnlySpan<byte> firstLeaf)), firstLeaf);
        broughtUp[target] = first;
        if (first != name)
            Link(root, first, name);
    }

    /// <summary>Whether the layer takes away what the layers below have under this name.</summary>
    private bool IsHidden(string path)
    {
        if (Whiteouts.Contains(path))
            return true;
        for (int slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            if (Whiteouts.Contains(path[..slash]) || OpaqueFolders.Contains(path[..slash]))
                return true;
        }
        return OpaqueFolders.Contains("");
    }

    private static bool Exists(LayerRoot root, string path)
    {
        int fd = root.Resolve(Split(path, out ReadOnlySpan<byte> leaf));
        if (fd < 0)
            return false;
        bool exists = LowerLayers.TryStat(fd, leaf, out _);
        _ = Openat2.close(fd);
        return exists;
    }

    private static void Link(LayerRoot root, string target, string name)
    {
        ReadOnlySpan<byte> targetFolder = Split(target, out ReadOnlySpan<byte> targetLeaf);
        ReadOnlySpan<byte> folder = Split(name, out ReadOnlySpan<byte> leaf);
        // The cached descriptor of the root object is good for one folder at a time.
        int pinnedFd = root.Resolve(targetFolder);
        try
        {
            if (DirectoryEntries.linkat(pinnedFd, targetLeaf, root.OpenFolder(folder), leaf, 0) < 0)
                throw LayerRoot.Failed("linkat", leaf);
        }
        finally
        {
            _ = Openat2.close(pinnedFd);
        }
    }

    private static void Hide(LayerRoot root, LowerLayers lower, string path)
    {
        // A whiteout over nothing would show up as a device where overlayfs does not merge.
        if (!lower.TryFind(path, out _, out _, out _))
            return;
        int parentFd = root.OpenFolder(Split(path, out ReadOnlySpan<byte> leaf));
        if (LowerLayers.TryStat(parentFd, leaf, out statx_t own))
        {
            // The layer has the name itself: a file hides what is below anyway, a folder would merge with it.
            if (own.Type == S_IFDIR)
                MakeOpaque(root, lower, path);
            return;
        }
        if (DirectoryEntries.mknodat(parentFd, leaf, S_IFCHR, 0) < 0)
            throw LayerRoot.Failed("mknodat whiteout", leaf);
    }

    private static void MakeOpaque(LayerRoot root, LowerLayers lower, string path)
    {
        if (!lower.TryFind(path, out _, out _, out _))
            return;
        int fd = root.Resolve(Bytes(path), Openat2.O_RDONLY);
        if (fd < 0)
            return; // replaced by a file later in the layer
        try
        {
            if (Xattr.fsetxattr(fd, LowerLayers.OpaqueXattr, "y"u8) < 0)
                throw LayerRoot.Failed("setxattr trusted.overlay.opaque", Bytes(path));
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }

    private void Inherit(LayerRoot root, LowerLayers lower)
    {
        List<string> paths = [.. ImpliedFolders.Union(root.ImpliedFolders, StringComparer.Ordinal)];
        if (!RootDescribed)
            paths.Add("");
        foreach (string path in paths)
        {
            if (!lower.TryFind(path, out int lowerFd, out byte[] leaf, out statx_t stat) || stat.Type != S_IFDIR)
                continue;
            int fd = root.Resolve(Bytes(path), Openat2.O_RDONLY | Openat2.O_NOFOLLOW);
            if (fd < 0)
                continue;
            try
            {
                CopyUp.Describe(lowerFd, leaf, stat, fd);
            }
            finally
            {
                _ = Openat2.close(fd);
            }
            FolderTimes.TryAdd(path, new timespec { tv_sec = stat.stx_mtime.tv_sec, tv_nsec = stat.stx_mtime.tv_nsec });
        }
    }

    private static void SetTime(LayerRoot root, string path, timespec time)
    {
        int fd = root.Resolve(Bytes(path), Openat2.O_RDONLY);
        if (fd < 0)
        {
            if (Marshal.GetLastPInvokeError() is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
                return; // replaced later in the layer
            throw LayerRoot.Failed("openat2", Bytes(path));
        }
        try
        {
            if (futimens(fd, time, time) < 0)
                throw LayerRoot.Failed("futimens", Bytes(path));
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }
}
