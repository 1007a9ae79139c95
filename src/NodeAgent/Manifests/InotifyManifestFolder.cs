using System.Runtime.InteropServices;
using NodeAgent.Core.Manifests;
using NodeAgent.Linux;
using NodeAgent.Pods;

namespace NodeAgent.Manifests;

/// <summary>
/// The folder of manifests on a Linux filesystem, with hints from inotify(7).
/// <code>
///   unarmed --List--> armed --folder deleted, moved, unmounted--> unarmed (hint Lost)
///                      ^  |
///                      +--+ List: the same folder keeps its watch; another one under the same path gets its own
/// </code>
/// One thread blocks in read(2) for as long as this object lives. Network filesystems tell nothing of changes made elsewhere: there the relist is all there is.
/// </summary>
public sealed class InotifyManifestFolder : IManifestFolder, IDisposable
{
    private const uint Mask = Inotify.IN_CREATE | Inotify.IN_MODIFY | Inotify.IN_CLOSE_WRITE | Inotify.IN_ATTRIB | Inotify.IN_DELETE
        | Inotify.IN_MOVED_FROM | Inotify.IN_MOVED_TO | Inotify.IN_DELETE_SELF | Inotify.IN_MOVE_SELF | Inotify.IN_ONLYDIR;

    private readonly Lock _gate = new();
    private readonly byte[] _path;
    private readonly int _inotify;
    private readonly Thread? _reader;
    private readonly string? _noInotify;
    private Action<FolderHint>? _hints;
    private int _watch = -1;
    private volatile bool _disposed;

    public InotifyManifestFolder(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        _path = CString.Of(Path);
        _inotify = Inotify.inotify_init1(Inotify.IN_CLOEXEC);
        if (_inotify < 0)
        {
            _noInotify = "inotify_init1: " + Why(Marshal.GetLastPInvokeError());
            return;
        }

        _reader = new Thread(ReadHints) { IsBackground = true, Name = "manifest-hints" };
        _reader.Start();
    }

    public string Path { get; }

    public FolderListing List(Action<FolderHint> hints)
    {
        string? watchProblem = Arm(hints);
        var entries = new List<FolderEntry>();
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(Path))
            {
                string name = System.IO.Path.GetFileName(path);
                if (ManifestFileName.IsManifest(name) && Stat(name) is { } entry)
                    entries.Add(entry);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new FolderListing([], error is DirectoryNotFoundException ? "it does not exist" : error.Message, watchProblem);
        }

        return new FolderListing(entries, null, watchProblem);
    }

    public FolderEntry? Stat(string name)
    {
        byte[] path = PathOf(name);
        if (InodeAttributes.statx(Openat2.AT_FDCWD, path, InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out var own) != 0)
            return null;
        if (own.Type != InodeAttributes.S_IFLNK)
            return new FolderEntry(name, StampOf(own), own.Type == InodeAttributes.S_IFREG && own.stx_nlink == 1);
        bool leadsSomewhere = InodeAttributes.statx(Openat2.AT_FDCWD, path, 0, InodeAttributes.STATX_BASIC_STATS, out var target) == 0;
        return new FolderEntry(name, StampOf(leadsSomewhere ? target : own), false);
    }

    public ManifestRead Read(string name) => ManifestFileReader.Read(PathOf(name), Path + "/" + name);

    /// <summary>
    /// 1. rename to a hidden name, which is no manifest's: from here on the folder does not have it;
    /// 2. look whether it is what the caller has seen; if not, rename it back, unless the name is taken again, and then what was moved has been replaced anyway;
    /// 3. fsync of the folder; if that fails, as 2;
    /// 4. unlink. A crash before this leaves a hidden file, which nobody reads.
    /// </summary>
    public FileRemoval Remove(string name, FileStamp read)
    {
        byte[] path = PathOf(name), hidden = PathOf($".{name}.deleted");
        if (DirectoryEntries.renameat2(Openat2.AT_FDCWD, path, Openat2.AT_FDCWD, hidden, 0) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            return errno == Errno.ENOENT ? FileRemoval.Absent : throw new IOException($"{Path}/{name}: rename: {Why(errno)}");
        }

        // A rename is a change of the inode itself, and of nothing else that a stamp has.
        bool same = InodeAttributes.statx(Openat2.AT_FDCWD, hidden, 0, InodeAttributes.STATX_BASIC_STATS, out var moved) == 0
            && StampOf(moved) with { ChangedAt = read.ChangedAt } == read;
        string? problem = same ? Synchronise() : null;
        if (!same || problem is not null)
        {
            if (DirectoryEntries.renameat2(Openat2.AT_FDCWD, hidden, Openat2.AT_FDCWD, path, DirectoryEntries.RENAME_NOREPLACE) != 0)
                _ = DirectoryEntries.unlinkat(Openat2.AT_FDCWD, hidden, 0);
            return problem is null ? FileRemoval.Changed : throw new IOException($"{Path}/{name}: cannot be removed for good: {problem}");
        }

        _ = DirectoryEntries.unlinkat(Openat2.AT_FDCWD, hidden, 0);
        return FileRemoval.Removed;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed || _reader is null)
                return;
            _disposed = true;
            // A watch that is removed makes a last event, and that gets the reader out of read(2); the root is a folder that is always there.
            _ = Inotify.inotify_rm_watch(_inotify, Inotify.inotify_add_watch(_inotify, "/\0"u8, Inotify.IN_DELETE_SELF));
        }

        _reader.Join();
    }

    internal static FileStamp StampOf(in InodeAttributes.statx_t inode) => new(
        ((ulong)inode.stx_dev_major << 32) | inode.stx_dev_minor,
        inode.stx_ino,
        inode.stx_size,
        Nanoseconds(inode.stx_mtime),
        Nanoseconds(inode.stx_ctime));

    internal static string Why(int errno) => $"{Errno.Name(errno)} ({Marshal.GetPInvokeErrorMessage(errno)})";

    private static long Nanoseconds(InodeAttributes.statx_timestamp time) => (time.tv_sec * 1_000_000_000) + time.tv_nsec;

    private byte[] PathOf(string name) => CString.Of(Path + "/" + name);

    private string? Synchronise()
    {
        int fd = Openat2.openat(Openat2.AT_FDCWD, _path, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC);
        if (fd < 0)
            return "open: " + Why(Marshal.GetLastPInvokeError());
        string? problem = FileContent.fsync(fd) == 0 ? null : "fsync: " + Why(Marshal.GetLastPInvokeError());
        _ = Openat2.close(fd);
        return problem;
    }

    /// <summary>Watching a folder that is watched already changes nothing, so this asks the kernel every time instead of guessing what became of the path.</summary>
    private string? Arm(Action<FolderHint> hints)
    {
        lock (_gate)
        {
            _hints = hints;
            if (_noInotify is not null || _disposed)
                return _noInotify ?? "it is being stopped";
            int watch = Inotify.inotify_add_watch(_inotify, _path, Mask);
            string? problem = watch < 0 ? "inotify_add_watch: " + Why(Marshal.GetLastPInvokeError()) : null;
            if (watch != _watch && _watch >= 0)
                _ = Inotify.inotify_rm_watch(_inotify, _watch);
            _watch = watch;
            return problem;
        }
    }

    private void ReadHints()
    {
        byte[] buffer = new byte[64 * 1024];
        while (!_disposed)
        {
            long length = FileContent.read(_inotify, buffer);
            if (length < 0 && Marshal.GetLastPInvokeError() != Errno.EINTR)
                break;
            ReadOnlySpan<byte> records = buffer.AsSpan(0, (int)Math.Max(0, length));
            while (Inotify.Next(ref records, out var record))
                Forward(record);
        }

        _ = Openat2.close(_inotify);
    }

    private void Forward(InotifyEvent record)
    {
        Action<FolderHint>? hints;
        lock (_gate)
        {
            bool overflow = (record.Mask & Inotify.IN_Q_OVERFLOW) != 0;
            if (_disposed || (record.Watch != _watch && !overflow))
                return;
            if ((record.Mask & (Inotify.IN_IGNORED | Inotify.IN_UNMOUNT)) != 0)
                _watch = -1;
            hints = _hints;
        }

        if (KindOf(record.Mask) is { } kind)
            hints?.Invoke(new FolderHint(kind, record.Name, record.Cookie));
    }

    private static FolderHintKind? KindOf(uint mask) => mask switch
    {
        _ when (mask & (Inotify.IN_Q_OVERFLOW | Inotify.IN_IGNORED | Inotify.IN_UNMOUNT | Inotify.IN_DELETE_SELF | Inotify.IN_MOVE_SELF)) != 0 => FolderHintKind.Lost,
        _ when (mask & (Inotify.IN_DELETE | Inotify.IN_MOVED_FROM)) != 0 => FolderHintKind.Gone,
        _ when (mask & (Inotify.IN_CLOSE_WRITE | Inotify.IN_MOVED_TO)) != 0 => FolderHintKind.Settled,
        _ when (mask & Inotify.IN_CREATE) != 0 => FolderHintKind.Created,
        _ when (mask & Inotify.IN_MODIFY) != 0 => FolderHintKind.Modified,
        _ when (mask & Inotify.IN_ATTRIB) != 0 => FolderHintKind.Attributes,
        _ => null,
    };
}
