using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Linux.FileTrees;

/// <summary>Where the root of a tree is put.</summary>
/// <param name="Folder">Owned by the writer from here on.</param>
/// <param name="Name">A single name; <c>.</c> for the folder itself, where the tree is a folder.</param>
public readonly record struct FileTreePlace(SafeFileHandle Folder, string Name);

/// <summary>
/// Puts a <see cref="FileTreeArchive"/> somewhere. Neither the archive nor the place need be trustworthy: below the place no symbolic link is ever followed,
/// whether it was there, comes with the archive or is put there meanwhile; and a name that is none is refused.
/// 1. a file is written beside its place under a name of its own and renamed, so that whoever reads sees the old one or the new one, whole;
/// 2. a folder that is there already stays as it is, and gets what comes; its mode is set at the end for one that is new, which may forbid writing;
/// 3. a symbolic link is made as it is, for what it may be worth there, and replaces what is no folder.
/// An error leaves what has been put until then. One use per object.
/// </summary>
public sealed class FileTreeWriter(Func<bool, FileTreePlace> place) : IDisposable
{
    private const ulong Confined = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    private const int MaxSkippedBytes = 1 << 20;

    private readonly List<(string Path, uint Mode)> _made = [];
    private readonly List<string> _skipped = [];
    private FileTreePlace? _place;
    private SafeFileHandle? _root;
    private SafeFileHandle? _parent;
    private string? _parentPath;
    private bool _rootIsFolder;

    /// <summary>Whom everything new belongs to; null for whoever runs this.</summary>
    public (uint Uid, uint Gid)? Owner { get; init; }

    /// <summary>Bits of modes that are kept. Without the set-id bits by default: a tree from elsewhere grants nobody's rights.</summary>
    public uint ModeMask { get; init; } = 0x1FF;

    /// <returns>What was left out, with the reasons.</returns>
    /// <exception cref="LinuxException">Something can't be put there.</exception>
    /// <exception cref="InvalidDataException">The archive is none, or was cut off.</exception>
    /// <exception cref="IOException">The archive can't be read, or the disk is full.</exception>
    public async Task<IReadOnlyList<string>> ReadAsync(Stream archive, CancellationToken cancellationToken)
    {
        var tar = new TarReader(archive, leaveOpen: true);
        await using (tar.ConfigureAwait(false))
        {
            while (await NextAsync(tar, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                if (entry.Name == FileTreeArchive.Skipped) await ReadSkippedAsync(entry, cancellationToken).ConfigureAwait(false);
                else await PutAsync(entry, Below(entry.Name), cancellationToken).ConfigureAwait(false);
            }
        }
        if (_place is null) throw new InvalidDataException("the archive is empty");
        SetModes();
        return _skipped;
    }

    public void Dispose()
    {
        _parent?.Dispose();
        _root?.Dispose();
        _place?.Folder.Dispose();
    }

    private static async Task<TarEntry?> NextAsync(TarReader tar, CancellationToken cancellationToken)
    {
        try
        {
            return await tar.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is FormatException or EndOfStreamException or ArgumentException)
        {
            throw new InvalidDataException("what came is no archive, or was cut off: " + error.Message, error);
        }
    }

    /// <summary>The path below the root, empty for the root itself.</summary>
    private static string Below(string name)
    {
        string[] parts = name.TrimEnd('/').Split('/');
        if (parts[0] != FileTreeArchive.Root || parts.Length - 1 > FileTreeArchive.MaxDepth
            || Array.Exists(parts, part => part is "" or "." or ".." || part.Contains('\0', StringComparison.Ordinal)))
            throw new InvalidDataException($"the archive has an entry that is no part of the tree: {name.ReplaceLineEndings("?")}");
        return string.Join('/', parts[1..]);
    }

    private async Task PutAsync(TarEntry entry, string path, CancellationToken cancellationToken)
    {
        bool isFolder = entry.EntryType == TarEntryType.Directory;
        if (path.Length == 0)
        {
            if (_place is not null) throw new InvalidDataException("the archive has two roots");
            _place = place(isFolder);
            _rootIsFolder = isFolder;
        }
        else if (!_rootIsFolder)
        {
            throw new InvalidDataException("the archive has something below what is no folder");
        }
        (int folder, string name) = PlaceOf(path);
        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                PutFolder(folder, name, path, (uint)entry.Mode & ModeMask);
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                await PutFileAsync(folder, name, entry, cancellationToken).ConfigureAwait(false);
                break;
            case TarEntryType.SymbolicLink:
                PutLink(folder, name, entry.LinkName);
                break;
            default:
                _skipped.Add($"{path}: neither file, folder nor link");
                break;
        }
    }

    private (int Folder, string Name) PlaceOf(string path)
    {
        if (path.Length == 0) return (Fd(_place!.Value.Folder), _place.Value.Name);
        int slash = path.LastIndexOf('/');
        string parent = slash < 0 ? "" : path[..slash];
        if (parent.Length == 0) return (Fd(_root!), path);
        // Entries of one folder come together.
        if (_parentPath != parent)
        {
            SafeFileHandle next = OpenFolder(_root!, parent, O_PATH);
            _parent?.Dispose();
            (_parent, _parentPath) = (next, parent);
        }
        return (Fd(_parent!), path[(slash + 1)..]);
    }

    private void PutFolder(int folder, string name, string path, uint mode)
    {
        byte[] bytes = CString.Of(name);
        if (DirectoryEntries.mkdirat(folder, bytes, 0x1C0 /* 0700 */) == 0)
        {
            Own(folder, bytes, name);
            _made.Add((path, mode));
        }
        else if (Marshal.GetLastPInvokeError() != Errno.EEXIST)
        {
            LinuxException.ThrowLast("mkdir", Shown(path));
        }
        if (path.Length > 0 && !IsFolder(folder, bytes)) throw new LinuxException("mkdir", Shown(path), Errno.ENOTDIR);
        if (path.Length == 0) _root = OpenRoot(folder, bytes);
    }

    private SafeFileHandle OpenRoot(int folder, byte[] name) =>
        new(LinuxException.Check(openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open", Shown("")), ownsHandle: true);

    private static bool IsFolder(int folder, byte[] name) =>
        InodeAttributes.statx(folder, name, InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t there) == 0
        && there.Type == InodeAttributes.S_IFDIR;

    private async Task PutFileAsync(int folder, string name, TarEntry entry, CancellationToken cancellationToken)
    {
        byte[] beside = Beside();
        int fd = LinuxException.Check(openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0x180 /* 0600 */), "open", name);
        try
        {
            using (var handle = new SafeFileHandle(fd, ownsHandle: true))
            {
                var file = new FileStream(handle, FileAccess.Write, bufferSize: 0);
                await using (file.ConfigureAwait(false))
                {
                    if (entry.DataStream is { } data) await CopyAsync(data, file, cancellationToken).ConfigureAwait(false);
                    // The reader of the archive takes its end for the file's.
                    if (file.Position != entry.Length) throw new InvalidDataException("the archive was cut off");
                    if (Owner is { } owner) LinuxException.Check(InodeAttributes.fchown(fd, owner.Uid, owner.Gid), "fchown", name);
                    LinuxException.Check(InodeAttributes.fchmod(fd, (uint)entry.Mode & ModeMask), "fchmod", name);
                }
            }
            Replace(folder, beside, name);
        }
        catch
        {
            _ = DirectoryEntries.unlinkat(folder, beside, 0);
            throw;
        }
    }

    private static async Task CopyAsync(Stream data, FileStream file, CancellationToken cancellationToken)
    {
        try
        {
            await data.CopyToAsync(file, 128 * 1024, cancellationToken).ConfigureAwait(false);
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException("the archive was cut off", error);
        }
    }

    private void PutLink(int folder, string name, string target)
    {
        byte[] beside = Beside();
        LinuxException.Check(DirectoryEntries.symlinkat(CString.Of(target), folder, beside), "symlink", name);
        try
        {
            Own(folder, beside, name);
            Replace(folder, beside, name);
        }
        catch
        {
            _ = DirectoryEntries.unlinkat(folder, beside, 0);
            throw;
        }
    }

    private void Own(int folder, byte[] name, string shown)
    {
        if (Owner is { } owner) LinuxException.Check(InodeAttributes.fchownat(folder, name, owner.Uid, owner.Gid, InodeAttributes.AT_SYMLINK_NOFOLLOW), "fchownat", shown);
    }

    // rename(2) follows no link at its end.
    private static void Replace(int folder, byte[] beside, string name) =>
        LinuxException.Check(DirectoryEntries.renameat2(folder, beside, folder, CString.Of(name), 0), "rename", name);

    private static byte[] Beside() => CString.Of($".podagent-{Guid.NewGuid():N}");

    // What lies deeper first: a folder may come to forbid the way in.
    private void SetModes()
    {
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            (string path, uint mode) = _made[i];
            using SafeFileHandle folder = OpenFolder(_root!, path.Length == 0 ? "." : path, O_RDONLY);
            LinuxException.Check(InodeAttributes.fchmod(Fd(folder), mode), "fchmod", Shown(path));
        }
    }

    private SafeFileHandle OpenFolder(SafeFileHandle root, string path, int flags) =>
        new(LinuxException.Check(openat2(Fd(root), CString.Of(path), flags | O_DIRECTORY | O_CLOEXEC, 0, Confined), "openat2", Shown(path)), ownsHandle: true);

    private async Task ReadSkippedAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.DataStream is not { } data || entry.Length > MaxSkippedBytes) return;
        using var reader = new StreamReader(data, Encoding.UTF8);
        while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line) _skipped.Add(Printable(line));
    }

    // It comes from elsewhere and is going to be shown on a terminal.
    private static string Printable(string line) => string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));

    private string Shown(string path) => path.Length == 0 ? _place?.Name ?? "" : path;

    private static int Fd(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
