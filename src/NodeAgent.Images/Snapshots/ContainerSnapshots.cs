using NodeAgent.Core.Cri;
using NodeAgent.Linux;

namespace NodeAgent.Images.Snapshots;

/// <summary>
/// The writable part of containers' root filesystems: one folder per key, made ready elsewhere and renamed into place.
/// <code>
///   tmp/N/{fs,work,layers} --rename--> containers/{key} --Remove: rename--> trash/N --> gone
/// </code>
/// The file <c>layers</c> holds the boot id, the chain ids, lowest first, and a dot, a line each: the layers stay while it is there, whether or not the
/// image still has a name. A snapshot of another boot is thrown away when the store is opened: no container survives a reboot, its key may come again,
/// and nobody knows what of it had reached the disk. Thread-safe.
/// </summary>
internal sealed class ContainerSnapshots
{
    private const int MaxKey = 128;

    private const string EndMark = ".";

    private readonly string _root;
    private readonly string _bootId;
    private readonly LayerStore _layers;
    private readonly Trash _trash;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, IReadOnlyList<string>> _chains = new(StringComparer.Ordinal);
    private long _lastTemporary;

    public ContainerSnapshots(string root, string bootId, LayerStore layers, Trash trash)
    {
        _root = root;
        _bootId = bootId;
        _layers = layers;
        _trash = trash;
        foreach (string folder in Directory.EnumerateDirectories(Path.Combine(root, "containers")))
        {
            if (ReadChain(Path.Combine(folder, "layers")) is { } chain)
                _chains[Path.GetFileName(folder)] = chain;
            else
                _trash.Take(folder);
        }
    }

    /// <summary>Null for a snapshot that was not made since the machine was started.</summary>
    private string[]? ReadChain(string path)
    {
        string[] lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        return lines.Length >= 2 && lines[0] == _bootId && lines[^1] == EndMark ? lines[1..^1] : null;
    }

    public IReadOnlyList<string> Keys
    {
        get
        {
            lock (_gate)
                return [.. _chains.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Chain ids that containers stand on.</summary>
    public IReadOnlySet<string> ChainsInUse
    {
        get
        {
            lock (_gate)
                return _chains.Values.SelectMany(chain => chain).ToHashSet(StringComparer.Ordinal);
        }
    }

    public Mount? Find(string key)
    {
        CheckKey(key);
        lock (_gate)
            return _chains.TryGetValue(key, out IReadOnlyList<string>? chain) ? ToMount(key, chain) : null;
    }

    /// <summary>Makes the snapshot unless the key has one. The layers are there and under a lease. Throws <see cref="LinuxException"/>.</summary>
    public Mount Prepare(string key, IReadOnlyList<string> chain)
    {
        CheckKey(key);
        string temporary = $"{_root}/tmp/c{Interlocked.Increment(ref _lastTemporary)}";
        bool used = false;
        try
        {
            Make(temporary, chain);
            lock (_gate)
            {
                if (_chains.TryGetValue(key, out IReadOnlyList<string>? earlier))
                    return ToMount(key, earlier);
                Directory.Move(temporary, FolderOf(key));
                used = true;
                _chains[key] = [.. chain];
                return ToMount(key, chain);
            }
        }
        finally
        {
            if (!used)
                _trash.Take(temporary);
        }
    }

    private void Make(string folder, IReadOnlyList<string> chain)
    {
        MakeFolder(folder, 0x1C0 /* 0700 */);
        string upper = folder + "/fs";
        MakeFolder(upper, 0x1ED /* 0755 */);
        LookLike(chain.Count == 0 ? _layers.EmptyFolder : _layers.FolderOf(chain[^1]), upper);
        MakeFolder(folder + "/work", 0x1C0);
        File.WriteAllLines(folder + "/layers", [_bootId, .. chain, EndMark]);
    }

    public void Remove(string key)
    {
        CheckKey(key);
        lock (_gate)
        {
            _trash.Take(FolderOf(key));
            _chains.Remove(key);
        }
    }

    /// <summary>The upper folder of a key's overlay, whether or not it exists.</summary>
    public string WritableFolder(string key)
    {
        CheckKey(key);
        return FolderOf(key) + "/fs";
    }

    private string FolderOf(string key) => $"{_root}/containers/{key}";

    private Mount ToMount(string key, IReadOnlyList<string> chain)
    {
        List<MountOption> options = [];
        for (int i = chain.Count - 1; i >= 0; i--)
            options.Add(new MountOption("lowerdir", _layers.FolderOf(chain[i])));
        if (options.Count == 0)
            options.Add(new MountOption("lowerdir", _layers.EmptyFolder));
        options.Add(new MountOption("upperdir", FolderOf(key) + "/fs"));
        options.Add(new MountOption("workdir", FolderOf(key) + "/work"));
        return new Mount("overlay", "overlay", options);
    }

    private static void MakeFolder(string path, uint mode) =>
        LinuxException.Check(DirectoryEntries.mkdirat(Openat2.AT_FDCWD, CString.Of(path), mode), "mkdir", path);

    /// <summary>The root of an overlay shows owner and mode of its uppermost folder.</summary>
    private static void LookLike(string model, string folder)
    {
        byte[] path = CString.Of(folder);
        if (InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(model), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) < 0)
            LinuxException.ThrowLast("statx", model);
        LinuxException.Check(InodeAttributes.fchownat(Openat2.AT_FDCWD, path, stat.stx_uid, stat.stx_gid, 0), "chown", folder);
        LinuxException.Check(InodeAttributes.fchmodat(Openat2.AT_FDCWD, path, stat.Permissions), "chmod", folder);
    }

    /// <summary>A key is a file name.</summary>
    private static void CheckKey(string key)
    {
        bool valid = key.Length is > 0 and <= MaxKey && key[0] != '.' && !key.AsSpan().ContainsAnyExcept(KeyCharacters);
        if (!valid)
            throw new ArgumentException($"snapshot key '{key}' is not 1 to {MaxKey} letters, digits, '.', '_' and '-'", nameof(key));
    }

    private static readonly System.Buffers.SearchValues<char> KeyCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}
