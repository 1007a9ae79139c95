using System.Security.Cryptography;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Images.References;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A node's images as a small model: names point at images, archives and the registry are what a test put there. No disk, no time.
/// It passes the same contract suite as the real service. Thread-safe.
/// </summary>
public sealed class FakeImageService : IImageService, ISnapshotter
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ImageRecord> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<ImageRecord>> _archives = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Func<ImageRecord>> _registry = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Mount> _snapshots = new(StringComparer.Ordinal);
    private readonly List<string> _pulls = [];
    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);

    /// <summary>References in the order in which they were pulled, normalised; also those that failed.</summary>
    public IReadOnlyList<string> Pulls
    {
        get
        {
            lock (_gate)
                return [.. _pulls];
        }
    }

    /// <summary>An image whose identity follows from its marker and its configuration, without names.</summary>
    public static ImageRecord MakeImage(string marker, ImageConfig? config = null)
    {
        config ??= new ImageConfig { Entrypoint = ["/bin/sh"], Architecture = "amd64", Os = "linux" };
        string Digest(string part) =>
            "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{part} {marker} {string.Join(' ', config.Entrypoint)} {config.User}")));
        return new ImageRecord(Digest("config"), [], Digest("manifest"), 1000, [Digest("layer")], config, DateTimeOffset.UnixEpoch);
    }

    /// <summary>Puts an image on the node.</summary>
    public ImageRecord Add(string reference, ImageConfig? config = null) => Tag(ImageReference.Parse(reference).Canonical, MakeImage(reference, config));

    /// <summary>What <see cref="LoadAsync"/> finds under a path.</summary>
    public void AddArchive(string path, params IReadOnlyList<ImageRecord> images)
    {
        lock (_gate)
            _archives[path] = images;
    }

    /// <summary>What a pull of this reference gives: an image, or an <see cref="ImageException"/> that is thrown.</summary>
    public void AddToRegistry(string reference, Func<ImageRecord> pull)
    {
        lock (_gate)
            _registry[ImageReference.Parse(reference).Canonical] = pull;
    }

    public ValueTask<ImageRecord?> ImageStatusAsync(string reference, CancellationToken cancellationToken)
    {
        lock (_gate)
            return new ValueTask<ImageRecord?>(Find(reference));
    }

    private ImageRecord? Find(string reference)
    {
        if (IdOf(reference) is { } id)
            return Records().FirstOrDefault(image => image.Id == id);
        ImageReference parsed = ImageReference.Parse(reference);
        string? name = _byName.ContainsKey(parsed.Canonical)
            ? parsed.Canonical
            : _byName.Keys.FirstOrDefault(tagged => $"{ImageReference.Parse(tagged).Repository}@{_byName[tagged].Digest}" == parsed.Canonical);
        return name is null ? null : Records().First(image => image.Id == _byName[name].Id);
    }

    private static string? IdOf(string reference) =>
        Digest.TryParse(reference, out _) ? reference : Digest.TryParse("sha256:" + reference, out _) ? "sha256:" + reference : null;

    /// <summary>The images with all their names.</summary>
    private List<ImageRecord> Records() =>
    [
        .. _byName.GroupBy(pair => pair.Value.Id, StringComparer.Ordinal)
            .Select(group => group.First().Value with { Names = [.. group.Select(pair => pair.Key).Where(name => !name.Contains('@', StringComparison.Ordinal)).Order(StringComparer.Ordinal)] })
            .OrderBy(image => image.Names.FirstOrDefault() ?? image.Id, StringComparer.Ordinal),
    ];

    public ValueTask<IReadOnlyList<ImageRecord>> ListImagesAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return new ValueTask<IReadOnlyList<ImageRecord>>(Records());
    }

    public Task<ImageRecord> PullImageAsync(string reference, IProgress<PullStatus>? progress, CancellationToken cancellationToken)
    {
        try
        {
            string canonical = ImageReference.Parse(reference).Canonical;
            Func<ImageRecord>? pull;
            lock (_gate)
            {
                _pulls.Add(canonical);
                pull = _registry.GetValueOrDefault(canonical);
            }
            return pull is null
                ? throw new ImageException(ImageFailure.RegistryUnavailable, $"pull {canonical}: no registry has it")
                : Task.FromResult(Pulled(canonical, pull()));
        }
        catch (ImageException e)
        {
            return Task.FromException<ImageRecord>(e);
        }
    }

    private ImageRecord Pulled(string name, ImageRecord image) => Tag(name, image with { RegistryDigest = image.Digest });

    private ImageRecord Tag(string name, ImageRecord image)
    {
        lock (_gate)
        {
            _byName[name] = image;
            return Records().First(record => record.Id == image.Id);
        }
    }

    public Task<IReadOnlyList<ImageRecord>> LoadAsync(string path, string? name, CancellationToken cancellationToken)
    {
        try
        {
            return Task.FromResult(Load(path, name));
        }
        catch (ImageException e)
        {
            return Task.FromException<IReadOnlyList<ImageRecord>>(e);
        }
    }

    private IReadOnlyList<ImageRecord> Load(string path, string? name)
    {
        lock (_gate)
        {
            if (!_archives.TryGetValue(path, out IReadOnlyList<ImageRecord>? images))
                throw new ImageException(ImageFailure.ErrImagePull, $"load {path}: no such file or folder");
            if (name is not null && images.Count != 1)
                throw new ImageException(ImageFailure.ErrImagePull, $"load {path}: {images.Count} images are in it: one name does not fit them");
            if (name is null && images.Any(image => image.Names.Count == 0))
                throw new ImageException(ImageFailure.ErrImagePull, $"load {path}: the image in it has no name; give one with --name");
            foreach (ImageRecord image in images)
            {
                foreach (string tag in name is null ? image.Names : [name])
                    _byName[ImageReference.Parse(tag).Canonical] = image;
            }
            return [.. Records().Where(record => images.Any(image => image.Id == record.Id))];
        }
    }

    public Task<bool> RemoveImageAsync(string reference, CancellationToken cancellationToken)
    {
        try
        {
            lock (_gate)
            {
                if (Find(reference) is not { } image)
                    return Task.FromResult(false);
                string canonical = IdOf(reference) is null ? ImageReference.Parse(reference).Canonical : "";
                string[] gone = _byName.ContainsKey(canonical)
                    ? [canonical]
                    : [.. _byName.Where(pair => pair.Value.Id == image.Id && (canonical.Length == 0 || canonical.StartsWith(ImageReference.Parse(pair.Key).Repository + "@", StringComparison.Ordinal))).Select(pair => pair.Key)];
                foreach (string name in gone)
                    _byName.Remove(name);
                return Task.FromResult(gone.Length > 0);
            }
        }
        catch (ImageException e)
        {
            return Task.FromException<bool>(e);
        }
    }

    public Task<ImageFsInfo> ImageFsInfoAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            List<ImageRecord> records = Records();
            foreach (ImageRecord image in records)
                _seen[image.Id] = image.SizeBytes;
            long there = records.Sum(image => image.SizeBytes);
            return Task.FromResult(new ImageFsInfo(there, there, 2 * (_seen.Values.Sum() - there), records.ToDictionary(image => image.Id, image => image.SizeBytes)));
        }
    }

    public Task<Mount> PrepareAsync(string key, ImageRecord image, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_snapshots.TryGetValue(key, out Mount? mount))
            {
                List<MountOption> options = [.. image.DiffIds.Reverse().Select(diffId => new MountOption("lowerdir", $"/fake/layers/{diffId[7..]}/fs"))];
                options.Add(new MountOption("upperdir", $"/fake/containers/{key}/fs"));
                options.Add(new MountOption("workdir", $"/fake/containers/{key}/work"));
                mount = new Mount("overlay", "overlay", options);
                _snapshots.Add(key, mount);
            }
            return Task.FromResult(mount);
        }
    }

    public Task RemoveAsync(string key, CancellationToken cancellationToken)
    {
        lock (_gate)
            _snapshots.Remove(key);
        return Task.CompletedTask;
    }

    public Task WaitForDeletionsAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return new ValueTask<IReadOnlyList<string>>([.. _snapshots.Keys.Order(StringComparer.Ordinal)]);
    }

    /// <summary>A folder for each.</summary>
    public Task<long> WrittenBytesAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult(4096L * _snapshots.Count);
    }
}
