using System.Text;
using NodeAgent.Core.Manifests;
using NodeAgent.Pods;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A folder in memory that hints as inotify does: a write is Created or Modified, then Settled when it is closed. Hints can be lost, the folder can go and come back.
/// </summary>
public sealed class FakeManifestFolder(string path = "/etc/podagent") : IManifestFolder
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FakeFile> _files = new(StringComparer.Ordinal);
    private Action<FolderHint>? _hints;
    private ulong _nextInode = 10;
    private long _clock;
    private uint _cookie;

    public string Path => path;

    /// <summary>While set, nothing is hinted.</summary>
    public bool LosesHints { get; set; }

    /// <summary>While set, the folder cannot be listed, for this reason, and its files cannot be found.</summary>
    public string? Problem { get; set; }

    public string? WatchProblem { get; set; }
    public int Reads { get; private set; }

    public FolderListing List(Action<FolderHint> hints)
    {
        lock (_gate)
        {
            _hints = WatchProblem is null && Problem is null ? hints : null;
            if (Problem is not null)
                return new FolderListing([], Problem, Problem);
            return new FolderListing([.. _files.Where(file => ManifestFileName.IsManifest(file.Key)).Select(EntryOf)], null, WatchProblem);
        }
    }

    public FolderEntry? Stat(string name)
    {
        lock (_gate)
            return Problem is null && _files.TryGetValue(name, out var file) ? EntryOf(new(name, file)) : null;
    }

    public ManifestRead Read(string name)
    {
        lock (_gate)
        {
            Reads++;
            if (Problem is not null || !_files.TryGetValue(name, out var file))
                return new ManifestRead(default(FileStamp)) { Vanished = true };
            return file.Fault is { } fault
                ? new ManifestRead(StampOf(file)) { Fault = fault }
                : new ManifestRead(StampOf(file)) { Content = file.Content.ToArray() };
        }
    }

    /// <summary>While set, no file can be removed, for this reason.</summary>
    public string? RemovalProblem { get; set; }

    /// <summary>Runs before a file is removed: what somebody else does at that moment.</summary>
    public Action? BeforeRemoval { get; set; }

    public FileRemoval Remove(string name, FileStamp read)
    {
        BeforeRemoval?.Invoke();
        lock (_gate)
        {
            if (RemovalProblem is not null)
                throw new IOException(RemovalProblem);
            if (!_files.TryGetValue(name, out var file))
                return FileRemoval.Absent;
            if (StampOf(file) != read)
                return FileRemoval.Changed;
            _files.Remove(name);
        }

        Hint(FolderHintKind.Gone, name);
        return FileRemoval.Removed;
    }

    /// <summary>The usual way to put a manifest there: written elsewhere, renamed to its name.</summary>
    public void Put(string name, string content)
    {
        lock (_gate)
            _files[name] = New(content);
        Hint(FolderHintKind.Settled, name);
    }

    /// <summary>Opens the file for writing and writes a part; <see cref="Close"/> ends it.</summary>
    public void Write(string name, string content)
    {
        bool created;
        lock (_gate)
        {
            created = !_files.ContainsKey(name);
            if (created)
                _files[name] = New("");
        }

        if (created)
            Hint(FolderHintKind.Created, name);
        lock (_gate)
            _files[name] = _files[name] with { Content = Encoding.UTF8.GetBytes(content), ModifiedAt = ++_clock };
        Hint(FolderHintKind.Modified, name);
    }

    public void Close(string name) => Hint(FolderHintKind.Settled, name);

    /// <summary>The name leads to something that is no manifest.</summary>
    public void PutFault(string name, ManifestError fault)
    {
        lock (_gate)
            _files[name] = New("") with { Fault = fault };
        Hint(FolderHintKind.Settled, name);
    }

    public void Delete(string name)
    {
        lock (_gate)
            _files.Remove(name);
        Hint(FolderHintKind.Gone, name);
    }

    public void Rename(string from, string to)
    {
        uint cookie;
        lock (_gate)
        {
            _files[to] = _files[from];
            _files.Remove(from);
            cookie = ++_cookie;
        }

        Hint(FolderHintKind.Gone, from, cookie);
        Hint(FolderHintKind.Settled, to, cookie);
    }

    /// <summary>As when inotify's queue ran over, or the folder was removed.</summary>
    public void SayLost() => Hint(FolderHintKind.Lost, "");

    private void Hint(FolderHintKind kind, string name, uint cookie = 0)
    {
        if (!LosesHints)
            _hints?.Invoke(new FolderHint(kind, name, cookie));
    }

    private FakeFile New(string content) => new(Encoding.UTF8.GetBytes(content), null, _nextInode++, ++_clock);

    private static FolderEntry EntryOf(KeyValuePair<string, FakeFile> file) => new(file.Key, StampOf(file.Value), file.Value.Fault is null);

    private static FileStamp StampOf(FakeFile file) => new(1, file.Inode, (ulong)file.Content.Length, file.ModifiedAt, file.ModifiedAt);

    private sealed record FakeFile(byte[] Content, ManifestError? Fault, ulong Inode, long ModifiedAt);
}
