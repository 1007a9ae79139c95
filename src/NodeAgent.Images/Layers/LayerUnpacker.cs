using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Linux;

namespace NodeAgent.Images.Layers;

/// <summary>
/// Writes the entries of one layer into a folder of its own, in the form that overlayfs stacks. What needs to know the layers below
/// (whiteouts, folders without a description, links to files of another layer) and what must come last (times of folders) is left in
/// <see cref="LayerFixups"/>. Source: image-spec layer.md.
/// </summary>
internal sealed class LayerUnpacker
{
    /// <summary>Whiteouts and folders of one layer that are kept in memory until its end.</summary>
    private const int MaxKept = 1 << 21;

    private const uint OwnerOnly = 0x180; // 0600 until the owner is right
    private const uint OwnerFolder = 0x1C0; // 0700

    private readonly LayerRoot _root;
    private readonly TarReader _reader;
    private readonly LayerFixups _fixups;
    private readonly InodeWriter _inodes = new();

    private LayerUnpacker(LayerRoot root, TarReader reader)
    {
        _root = root;
        _reader = reader;
        _fixups = new LayerFixups { ImpliedFolders = root.ImpliedFolders };
    }

    /// <summary>Unpacks all entries. Throws <see cref="LayerException"/> naming the entry; the folder is then to be thrown away.</summary>
    /// <param name="folder">An empty folder that nobody else uses.</param>
    public static LayerFixups Unpack(string folder, TarInput input, CancellationToken cancellationToken)
    {
        using LayerRoot root = new(folder);
        LayerUnpacker unpacker = new(root, new TarReader(input));
        while (unpacker._reader.TryReadEntry(out TarEntry? entry))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                unpacker.Write(entry, cancellationToken);
            }
            catch (LayerException e)
            {
                throw new LayerException($"entry '{TarReader.Printable(entry.Name)}': {e.Message}", e);
            }
        }
        unpacker._fixups.RefusedXattrs = unpacker._inodes.RefusedXattrs;
        unpacker._fixups.FirstRefusedXattr = unpacker._inodes.FirstRefusedXattr;
        return unpacker._fixups;
    }

    private void Write(TarEntry entry, CancellationToken cancellationToken)
    {
        byte[] path = LayerPath.Clean(entry.Name);
        if (path.Length == 1)
        {
            WriteRoot(entry);
            return;
        }
        ReadOnlySpan<byte> folder = LayerPath.SplitLeaf(path, out ReadOnlySpan<byte> leaf);
        if (Whiteout.IsMetadata(path))
            return;
        if (leaf.StartsWith(Whiteout.Prefix))
        {
            AddWhiteout(folder, leaf);
            return;
        }
        int parentFd = _root.OpenFolder(folder);
        switch (entry.Kind)
        {
            case TarEntryKind.Directory:
                WriteFolder(parentFd, path, leaf, entry);
                break;
            case TarEntryKind.RegularFile:
                WriteFile(parentFd, leaf, entry, cancellationToken);
                break;
            case TarEntryKind.HardLink:
                WriteHardLink(parentFd, path, leaf, entry);
                break;
            default:
                WriteSpecial(parentFd, folder, leaf, entry);
                break;
        }
    }

    private void WriteRoot(TarEntry entry)
    {
        if (entry.Kind != TarEntryKind.Directory)
            throw new LayerException("the root of a layer must be a directory");
        _inodes.Describe(_root.Fd, entry);
        _fixups.RootDescribed = true;
        KeepTime("", entry);
    }

    private void AddWhiteout(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> leaf)
    {
        if (leaf.SequenceEqual(Whiteout.Opaque))
        {
            _ = _root.OpenFolder(folder);
            _fixups.OpaqueFolders.Add(Encoding.Latin1.GetString(folder));
        }
        else
        {
            Hide(folder, leaf[Whiteout.Prefix.Length..]);
        }
    }

    private void Hide(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> leaf)
    {
        ReadOnlySpan<byte> name = leaf[..^1];
        if (name.IsEmpty || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
            throw new LayerException("it is a whiteout of no name");
        Keep(_fixups.Whiteouts.Count);
        string parent = Encoding.Latin1.GetString(folder);
        string hidden = Encoding.Latin1.GetString(name);
        _fixups.Whiteouts.Add(parent.Length == 0 ? hidden : parent + "/" + hidden);
    }

    private static void Keep(int kept)
    {
        if (kept == MaxKept)
            throw new LayerException($"the layer has more than {MaxKept} folders or whiteouts");
    }

    private void KeepTime(string path, TarEntry entry)
    {
        Keep(_fixups.FolderTimes.Count);
        // Taken out first, so that the order stays the order of the last description.
        _fixups.FolderTimes.Remove(path);
        _fixups.FolderTimes.Add(path, InodeWriter.Time(entry));
    }

    private void WriteFolder(int parentFd, ReadOnlySpan<byte> path, ReadOnlySpan<byte> leaf, TarEntry entry)
    {
        if (DirectoryEntries.mkdirat(parentFd, leaf, OwnerFolder) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Errno.EEXIST)
                throw LayerRoot.Failed("mkdirat", leaf);
            if (!IsFolder(parentFd, leaf))
            {
                Replace(parentFd, leaf);
                if (DirectoryEntries.mkdirat(parentFd, leaf, OwnerFolder) < 0)
                    throw LayerRoot.Failed("mkdirat", leaf);
            }
        }
        int fd = Openat2.openat(parentFd, leaf, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC);
        if (fd < 0)
            throw LayerRoot.Failed("openat", leaf);
        try
        {
            _inodes.Describe(fd, entry);
        }
        finally
        {
            _ = Openat2.close(fd);
        }
        string name = Encoding.Latin1.GetString(path[..^1]);
        _root.ImpliedFolders.Remove(name);
        KeepTime(name, entry);
    }

    private static bool IsFolder(int parentFd, ReadOnlySpan<byte> leaf) =>
        InodeAttributes.statx(parentFd, leaf, InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) == 0
        && stat.Type == InodeAttributes.S_IFDIR;

    private void WriteFile(int parentFd, ReadOnlySpan<byte> leaf, TarEntry entry, CancellationToken cancellationToken)
    {
        int flags = Openat2.O_WRONLY | Openat2.O_CREAT | Openat2.O_EXCL | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC;
        int fd = Openat2.openat(parentFd, leaf, flags, OwnerOnly);
        if (fd < 0 && Marshal.GetLastPInvokeError() == Errno.EEXIST)
        {
            Replace(parentFd, leaf);
            fd = Openat2.openat(parentFd, leaf, flags, OwnerOnly);
        }
        if (fd < 0)
            throw LayerRoot.Failed("openat", leaf);
        try
        {
            InodeWriter.WriteData(fd, _reader, entry, cancellationToken);
            _inodes.Describe(fd, entry);
            InodeWriter.SetTimes(fd, entry);
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }

    private void WriteHardLink(int parentFd, ReadOnlySpan<byte> path, ReadOnlySpan<byte> leaf, TarEntry entry)
    {
        byte[] target = LayerPath.Clean(entry.LinkName);
        if (target.Length == 1 || target.AsSpan().SequenceEqual(path))
            throw new LayerException("it is a hard link to itself or to the root");
        ReadOnlySpan<byte> targetFolder = LayerPath.SplitLeaf(target, out ReadOnlySpan<byte> targetLeaf);
        int targetFd = _root.Resolve(targetFolder);
        try
        {
            int errno = targetFd < 0 ? Marshal.GetLastPInvokeError() : Link(targetFd, targetLeaf, parentFd, leaf);
            if (errno == Errno.ENOENT)
            {
                // The file may be one of a layer below. What has its new name now makes room, so that what has it at the end came later.
                Keep(_fixups.LinksBelow.Count);
                Replace(parentFd, leaf);
                _fixups.LinksBelow.Add((Encoding.Latin1.GetString(path[..^1]), Encoding.Latin1.GetString(target.AsSpan()[..^1])));
            }
            else if (errno != 0)
            {
                string to = TarReader.Printable(target.AsSpan()[..^1]);
                LinuxException inner = new("linkat", to, errno);
                throw new LayerException($"hard link: {inner.Message}", inner);
            }
        }
        finally
        {
            if (targetFd >= 0)
                _ = Openat2.close(targetFd);
        }
    }

    private static int Link(int targetFd, ReadOnlySpan<byte> targetLeaf, int parentFd, ReadOnlySpan<byte> leaf)
    {
        if (DirectoryEntries.linkat(targetFd, targetLeaf, parentFd, leaf, 0) == 0)
            return 0;
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Errno.EEXIST)
            return errno;
        if (IsSameFile(targetFd, targetLeaf, parentFd, leaf))
            return 0;
        Replace(parentFd, leaf);
        return DirectoryEntries.linkat(targetFd, targetLeaf, parentFd, leaf, 0) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    private static bool IsSameFile(int fd1, ReadOnlySpan<byte> leaf1, int fd2, ReadOnlySpan<byte> leaf2)
    {
        const int noFollow = InodeAttributes.AT_SYMLINK_NOFOLLOW;
        const uint all = InodeAttributes.STATX_BASIC_STATS;
        return InodeAttributes.statx(fd1, leaf1, noFollow, all, out InodeAttributes.statx_t one) == 0
            && InodeAttributes.statx(fd2, leaf2, noFollow, all, out InodeAttributes.statx_t two) == 0
            && one.stx_ino == two.stx_ino;
    }

    private void WriteSpecial(int parentFd, ReadOnlySpan<byte> folder, ReadOnlySpan<byte> leaf, TarEntry entry)
    {
        if (entry is { Kind: TarEntryKind.CharacterDevice, DeviceMajor: 0, DeviceMinor: 0 })
        {
            // On disk this is how overlayfs writes a whiteout, so a file like this cannot be shown by any image.
            Hide(folder, leaf);
            return;
        }
        int result = Make(parentFd, leaf, entry);
        if (result < 0 && Marshal.GetLastPInvokeError() == Errno.EEXIST)
        {
            Replace(parentFd, leaf);
            result = Make(parentFd, leaf, entry);
        }
        if (result < 0)
            throw LayerRoot.Failed(entry.Kind == TarEntryKind.SymbolicLink ? "symlinkat" : "mknodat", leaf);
        _inodes.Describe(parentFd, leaf, entry);
    }

    private static int Make(int parentFd, ReadOnlySpan<byte> leaf, TarEntry entry)
    {
        ulong device = DirectoryEntries.makedev(entry.DeviceMajor, entry.DeviceMinor);
        return entry.Kind switch
        {
            TarEntryKind.SymbolicLink => DirectoryEntries.symlinkat(CString.Of(entry.LinkName), parentFd, leaf),
            TarEntryKind.CharacterDevice => DirectoryEntries.mknodat(parentFd, leaf, InodeAttributes.S_IFCHR | OwnerOnly, device),
            TarEntryKind.BlockDevice => DirectoryEntries.mknodat(parentFd, leaf, InodeAttributes.S_IFBLK | OwnerOnly, device),
            _ => DirectoryEntries.mknodat(parentFd, leaf, InodeAttributes.S_IFIFO | OwnerOnly, 0),
        };
    }

    /// <summary>Takes away what has the name of a new entry: within one layer the later entry counts.</summary>
    private static void Replace(int parentFd, ReadOnlySpan<byte> leaf)
    {
        try
        {
            TreeRemoval.Remove(parentFd, leaf);
        }
        catch (LinuxException e)
        {
            throw new LayerException(e.Message, e);
        }
    }
}
