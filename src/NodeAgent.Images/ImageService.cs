using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Archives;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Images.Registry;
using NodeAgent.Images.Snapshots;
using NodeAgent.Linux;

namespace NodeAgent.Images;

/// <summary>
/// The node's images: content store, unpacked layers and container snapshots under one roof.
/// <code>
///   archive, registry --blobs--> content store --layers--> layer store --name--> index.json --> the table that readers see
/// </code>
/// The order is the crash safety: an image has a name only when all of it is there, and what has no name is swept away at the next start.
/// Callers: pod workers ask <see cref="ImageStatusAsync"/> and <see cref="PrepareAsync"/> on the way to every container; the API loads and removes.
/// One change of the index at a time; readers never wait. Thread-safe.
/// </summary>
public sealed partial class ImageService : IImageService, ISnapshotter, IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ContentStore _content;
    private readonly PinnedNames _pinned;
    private readonly LayerStore _layers;
    private readonly ContainerSnapshots _containers;
    private readonly Trash _trash;
    private readonly ImagePulls _pulls;
    private readonly string _contentFolder;
    private readonly NodePlatform _platform;
    private readonly SemaphoreSlim _change = new(1);
    private readonly ConditionalWeakTable<ImageRecord, IReadOnlyList<string>> _chains = [];
    private ImageTable _table = ImageTable.Empty;

    private ImageService(
        StatePaths paths, TimeProvider time, ILogger logger, ContentStore content, Action<string>? failpoint, RegistryFiles? registries, PinnedNames pinned)
    {
        _time = time;
        _logger = logger;
        _content = content;
        _pinned = pinned;
        _contentFolder = paths.Content;
        _platform = NodePlatform.Read(paths.Proc);
        _pulls = new ImagePulls(content, new RegistryClient(registries, time), time);
        foreach (string folder in new[] { "layers", "containers", "tmp", "trash" })
            Directory.CreateDirectory(Path.Combine(paths.Snapshots, folder), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string bootId = File.ReadAllText(Path.Combine(paths.Proc, "sys/kernel/random/boot_id")).Trim();
        _trash = new Trash(Path.Combine(paths.Snapshots, "trash"), logger);
        _layers = new LayerStore(paths.Snapshots, bootId, _trash, logger, failpoint);
        _containers = new ContainerSnapshots(paths.Snapshots, bootId, _layers, _trash);
    }

    /// <summary>
    /// Opens the store under <see cref="StatePaths.Content"/> and <see cref="StatePaths.Snapshots"/>, makes it where there is none, and clears away
    /// what a crash has left. Throws <see cref="ImageException"/> when another agent uses the store.
    /// </summary>
    /// <param name="failpoint">Called with a name at the points where a crash would be interesting; null outside tests.</param>
    /// <param name="registries">Where images are pulled from, and by what rights; null for every registry at its own address, by nobody's.</param>
    /// <param name="pinned">Images that are never removed to make room; null for none.</param>
    public static async Task<ImageService> OpenAsync(
        StatePaths paths, TimeProvider time, ILogger<ImageService> logger, Action<string>? failpoint = null, RegistryFiles? registries = null, PinnedNames? pinned = null)
    {
        ContentStore content = ContentStore.Open(paths.Content, failpoint);
        try
        {
            ImageService service = new(paths, time, logger, content, failpoint, registries, pinned ?? PinnedNames.None);
            await service.ChangeAsync(service.Refresh, CancellationToken.None);
            service._layers.BeginSync();
            return service;
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    public ValueTask<ImageRecord?> ImageStatusAsync(string reference, CancellationToken cancellationToken) => new(Find(reference)?.Record);

    public ValueTask<IReadOnlyList<ImageRecord>> ListImagesAsync(CancellationToken cancellationToken) =>
        new(Volatile.Read(ref _table).Records);

    /// <summary>The folder that holds what was written through a snapshot, to be measured; it need not exist.</summary>
    public string WritableFolder(string key) => _containers.WritableFolder(key);

    /// <summary>Throws <see cref="ImageException"/> with InvalidImageName.</summary>
    private StoredImage? Find(string reference)
    {
        ImageTable table = Volatile.Read(ref _table);
        if (table.Find(reference) is { } image)
            return image;
        return IsId(reference) ? null : table.Find(ImageReference.Parse(reference).Canonical);
    }

    private static bool IsId(string reference) => Digest.TryParse(reference, out _) || Digest.TryParse("sha256:" + reference, out _);

    public Task<IReadOnlyList<ImageRecord>> LoadAsync(string path, string? name, CancellationToken cancellationToken) =>
        NamingAsync($"load {path}", () => WholeOrNothingAsync(() => Task.Run(() => LoadArchiveAsync(path, name, cancellationToken), cancellationToken)));

    /// <summary>Lets go at once what failing work had brought and is nobody's.</summary>
    private async Task<T> WholeOrNothingAsync<T>(Func<Task<T>> work)
    {
        bool failed = true;
        try
        {
            T result = await work();
            failed = false;
            return result;
        }
        finally
        {
            if (failed)
                await ChangeAsync(Refresh, CancellationToken.None);
        }
    }

    /// <summary>What work that brings images fails with, as an <see cref="ImageException"/> that begins with what was tried.</summary>
    private static async Task<T> NamingAsync<T>(string what, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is InvalidDataException or LayerException or IOException or LinuxException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.ErrImagePull, $"{what}: {e.Message}", e);
        }
        catch (ImageException e)
        {
            throw new ImageException(e.Failure, $"{what}: {e.Message}", e);
        }
    }

    private async Task<IReadOnlyList<ImageRecord>> LoadArchiveAsync(string path, string? name, CancellationToken cancellationToken)
    {
        using ArchiveFiles files = ArchiveFiles.Open(path, Path.Combine(_contentFolder, "ingest"), cancellationToken);
        List<ArchivedImage> archived = OciArchive.IsOne(files) ? OciArchive.List(files, _platform) : DockerArchive.List(files, _platform);
        List<IReadOnlyList<ImageReference>> names = ArchiveNames.Assign(archived, name);

        using ContentLease contentLease = _content.NewLease();
        using LayerLease layerLease = _layers.NewLease();
        List<ResolvedImage> images = [];
        List<OciDescriptor> entries = [];
        foreach ((ArchivedImage image, IReadOnlyList<ImageReference> references) in archived.Zip(names))
        {
            ResolvedImage resolved = image.Ingest(_content, contentLease, cancellationToken);
            await UnpackAsync(resolved, layerLease, cancellationToken);
            images.Add(resolved);
            OciDescriptor descriptor = ImageEnvelope.DescriptorFor(resolved, _content, contentLease);
            entries.AddRange(references.Select(reference => ImageTable.ToEntry(descriptor, reference, _time.GetUtcNow())));
        }

        await NameAsync(entries, cancellationToken);
        _layers.BeginSync();
        ImageTable table = Volatile.Read(ref _table);
        return [.. images.Select(image => table.Find(image.ConfigDigest.ToString())?.Record).OfType<ImageRecord>().Distinct()];
    }

    private async Task UnpackAsync(ResolvedImage image, LayerLease lease, CancellationToken cancellationToken)
    {
        if (lease.TryProtect(image.Chain))
            return;
        List<LayerSource> sources =
            [.. image.Layers.Select(layer => new LayerSource(layer.Chain, layer.DiffId, layer.Blob, _ => _content.OpenRead(layer.Blob)))];
        try
        {
            await _layers.EnsureAsync(sources, cancellationToken);
        }
        catch (LayerException e) when (IsAboutContent(e))
        {
            SetAsideDamaged(image);
            throw;
        }
    }

    public async Task<Mount> PrepareAsync(string key, ImageRecord image, CancellationToken cancellationToken)
    {
        if (_containers.Find(key) is { } prepared)
            return prepared;
        IReadOnlyList<string> chain = _chains.GetValue(image, static record => ChainId.Of([.. record.DiffIds.Select(Digest.Parse)]));
        using LayerLease lease = _layers.NewLease();
        try
        {
            if (!lease.TryProtect(chain))
            {
                StoredImage stored = Volatile.Read(ref _table).Find(image.Id)
                    ?? throw new ImageException(ImageFailure.ErrImagePull, $"image {image.Id} is no longer on this node");
                await UnpackAsync(stored.Resolved, lease, cancellationToken);
                _layers.BeginSync();
            }
            return _containers.Prepare(key, chain);
        }
        catch (Exception e) when (e is LayerException or IOException or LinuxException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.ImageInspectError, $"snapshot {key} of image {image.Id}: {e.Message}", e);
        }
    }

    public async Task RemoveAsync(string key, CancellationToken cancellationToken)
    {
        _containers.Remove(key);
        // The layers of an image that lost its name stay for its last container.
        await ChangeAsync(() => SweepLayers(), cancellationToken);
    }

    public Task WaitForDeletionsAsync(CancellationToken cancellationToken) => _trash.Emptied.WaitAsync(cancellationToken);

    public ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => new(_containers.Keys);

    private async Task ChangeAsync(Action change, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken);
        try
        {
            change();
        }
        finally
        {
            _change.Release();
        }
    }

    private void UpdateIndex(Func<IReadOnlyList<OciDescriptor>, IReadOnlyList<OciDescriptor>> change)
    {
        try
        {
            _content.UpdateIndex(change);
        }
        finally
        {
            Refresh();
        }
    }

    /// <summary>Shows the index as it is now to readers, and lets go what it does not hold any more.</summary>
    private void Refresh()
    {
        Volatile.Write(ref _table, ImageTable.Build(_content.Index, _platform, _content.ReadDocument, _table, _pinned, _logger));
        Sweep();
    }

    private void Sweep()
    {
        int blobs = _content.Sweep(Reachability.Of(_content.Index, _content));
        int layers = SweepLayers();
        if (blobs + layers > 0)
            LogSwept(_logger, blobs, layers);
    }

    private int SweepLayers() => _layers.Sweep(() =>
    {
        HashSet<string> keep = _table.Images.SelectMany(image => image.Resolved.Chain).ToHashSet(StringComparer.Ordinal);
        keep.UnionWith(_containers.ChainsInUse);
        return keep;
    });

    /// <summary>Waits for what the background is at, then lets the store go; deletions that wait are for the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        _pulls.Dispose();
        await _layers.DisposeAsync();
        await _trash.StopAsync();
        _content.Dispose();
        _change.Dispose();
    }

    [LoggerMessage(3030, LogLevel.Information, "removed {Blobs} blobs and {Layers} unpacked layers that no image needs")]
    private static partial void LogSwept(ILogger logger, int blobs, int layers);
}
