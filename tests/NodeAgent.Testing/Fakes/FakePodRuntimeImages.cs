using NodeAgent.Core.Cri;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// Images and snapshots for loops that run on <see cref="FakePodRuntime"/>: an image is a name, a snapshot is a key. No registry can be asked unless a test
/// puts images into it.
/// </summary>
public sealed class FakePodRuntimeImages : IImageService, ISnapshotter
{
    private const string IdPrefix = "sha256:";
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, ImageRecord> _images = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _registry = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _snapshots = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _removed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _sizes = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _pinned = new(StringComparer.Ordinal);
    private readonly List<string> _removals = [];
    private long _freed;

    /// <summary>Every pull fails with this, whatever the registry has.</summary>
    public ImageException? PullError { get; set; }

    /// <summary>Every preparation fails with this.</summary>
    public Exception? PrepareError { get; set; }

    /// <summary>Removals of this image fail.</summary>
    public string? Stuck { get; set; }

    /// <summary>The moment at which what is loaded or pulled has come.</summary>
    public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

    public int Pulls { get; private set; }

    /// <summary>Images in the order in which they were removed.</summary>
    public IReadOnlyList<string> Removals
    {
        get
        {
            lock (_gate)
                return [.. _removals];
        }
    }

    /// <summary>Bytes that the images there are take on the disk, of those that have a size.</summary>
    public long Occupied
    {
        get
        {
            lock (_gate)
                return _images.Keys.Sum(name => _sizes.GetValueOrDefault(name));
        }
    }

    /// <summary>Keys of the snapshots there are.</summary>
    public IReadOnlyList<string> Snapshots
    {
        get
        {
            lock (_gate)
                return [.. _snapshots];
        }
    }

    /// <summary>Whether what was written into a snapshot is on the disk still: also after its removal, until somebody has waited for the deletion.</summary>
    public bool TakesRoom(string key)
    {
        lock (_gate)
            return _snapshots.Contains(key) || _removed.Contains(key);
    }

    /// <summary>As if loaded from a file.</summary>
    public void Load(params ReadOnlySpan<string> references)
    {
        lock (_gate)
        {
            foreach (string reference in references)
                _images[reference] = RecordOf(reference);
        }
    }

    /// <summary>As if loaded from a file, with a size.</summary>
    public void Load(string reference, long bytes, bool pinned = false)
    {
        lock (_gate)
        {
            _sizes[reference] = bytes;
            if (pinned)
                _pinned.Add(reference);
            else
                _pinned.Remove(reference);
        }

        Load(reference);
    }

    public bool Has(string reference)
    {
        lock (_gate)
            return _images.ContainsKey(reference);
    }

    public void PutIntoRegistry(string reference)
    {
        lock (_gate)
            _registry.Add(reference);
    }

    public ValueTask<ImageRecord?> ImageStatusAsync(string reference, CancellationToken cancellationToken)
    {
        lock (_gate)
            return new(_images.GetValueOrDefault(NameOf(reference)));
    }

    public ValueTask<IReadOnlyList<ImageRecord>> ListImagesAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return new([.. _images.Values]);
    }

    public async Task<ImageRecord> PullImageAsync(string reference, IProgress<PullStatus>? progress, CancellationToken cancellationToken)
    {
        await Task.Yield();
        lock (_gate)
        {
            Pulls++;
            if (PullError is not null)
                throw PullError;
            if (!_registry.Contains(reference))
                throw new ImageException(ImageFailure.RegistryUnavailable, $"image \"{reference}\": no registry can be asked");
            ImageRecord image = RecordOf(reference);
            return _images[reference] = image with { RegistryDigest = image.Digest };
        }
    }

    public Task<IReadOnlyList<ImageRecord>> LoadAsync(string path, string? name, CancellationToken cancellationToken)
    {
        Load(name ?? path);
        return Task.FromResult<IReadOnlyList<ImageRecord>>([RecordOf(name ?? path)]);
    }

    public Task<bool> RemoveImageAsync(string reference, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            string name = NameOf(reference);
            if (name == Stuck)
                return Task.FromException<bool>(new IOException("device or resource busy"));
            if (!_images.Remove(name))
                return Task.FromResult(false);
            _removals.Add(name);
            _freed += _sizes.GetValueOrDefault(name);
            return Task.FromResult(true);
        }
    }

    public Task<ImageFsInfo> ImageFsInfoAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult(new ImageFsInfo(Occupied, 0, _freed, new Dictionary<string, long>()));
    }

    public async Task<Mount> PrepareAsync(string key, ImageRecord image, CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (PrepareError is not null)
            throw PrepareError;
        lock (_gate)
            _snapshots.Add(key);
        return new Mount("overlay", "overlay", [new MountOption("lowerdir", "/lower/" + image.Id), new MountOption("upperdir", "/upper/" + key)]);
    }

    public Task RemoveAsync(string key, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_snapshots.Remove(key))
                _removed.Add(key);
        }

        return Task.CompletedTask;
    }

    public Task WaitForDeletionsAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            _removed.Clear();
        return Task.CompletedTask;
    }

    public ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => new(Snapshots);

    public Task<long> WrittenBytesAsync(CancellationToken cancellationToken) => Task.FromResult(0L);

    private static string NameOf(string reference) => reference.StartsWith(IdPrefix, StringComparison.Ordinal) ? reference[IdPrefix.Length..] : reference;

    /// <summary>A name without a tag stands for an image that has no name left.</summary>
    private ImageRecord RecordOf(string reference) =>
        new(IdPrefix + reference, reference.Contains(':', StringComparison.Ordinal) ? [reference] : [], IdPrefix + reference, 1, [], new ImageConfig(), Now)
        {
            Pinned = _pinned.Contains(reference),
        };
}
