using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Images.Registry;
using NodeAgent.Images.Snapshots;

namespace NodeAgent.Images;

// Pulling:
//
//   reference --HEAD, if a name of this node came from there--> the digest is known: done
//             --GET--> index --platform--> manifest --> configuration
//                        layers, all at once: download --> verify, fsync, rename into the content store
//                                                \--> unpack what has come, the layers below permitting
//             --all is there--> index.json
//
// A crash before the last step leaves blobs and layers that nobody names: the next start sweeps them away.
public sealed partial class ImageService
{
    public async Task<ImageRecord> PullImageAsync(string reference, IProgress<PullStatus>? progress, CancellationToken cancellationToken)
    {
        ImageReference parsed = ImageReference.Parse(reference);
        return await NamingAsync(
            $"pull {parsed}",
            () => _pulls.JoinAsync(parsed, (source, watched, cancellation) => PullAsync(parsed, source, watched, cancellation), progress, cancellationToken));
    }

    private async Task<ImageRecord> PullAsync(ImageReference reference, RegistrySource source, PullProgress progress, CancellationToken cancellationToken) =>
        await FindCurrentAsync(reference, source, cancellationToken)
        ?? await WholeOrNothingAsync(() => FetchAsync(reference, source, progress, cancellationToken));

    private async Task<ImageRecord> FetchAsync(ImageReference reference, RegistrySource source, PullProgress progress, CancellationToken cancellationToken)
    {
        using ContentLease contentLease = _content.NewLease();
        using LayerLease layerLease = _layers.NewLease();
        RemoteDocument top = await source.GetManifestAsync(cancellationToken);
        ResolvedImage image = await ResolveAsync(top, source, contentLease, cancellationToken);
        progress.Begin(image.Layers.Select(layer => (layer.Blob.ToString(), layer.Size)));
        await FetchLayersAsync(image, source, contentLease, layerLease, progress, cancellationToken);
        OciDescriptor descriptor = ImageEnvelope.DescriptorFor(image, _content, contentLease);
        await NameAsync([ImageTable.ToEntry(descriptor, reference, _time.GetUtcNow(), Digest.Parse(top.Descriptor.Digest!))], cancellationToken);
        _layers.BeginSync();
        return Volatile.Read(ref _table).Find(reference.Canonical)?.Record
            ?? throw new ImageException(ImageFailure.ImageInspectError, "it was removed while it came");
    }

    /// <summary>The image that the reference means here, when the registry says that it is still the one; else null.</summary>
    private async Task<ImageRecord?> FindCurrentAsync(ImageReference reference, RegistrySource source, CancellationToken cancellationToken)
    {
        // What was found damaged and set aside is to be fetched, though the image has not changed.
        if (Volatile.Read(ref _table).Find(reference.Canonical) is not { } image || !HasContent(image.Resolved))
            return null;
        OciDescriptor? entry = _content.Index.FirstOrDefault(candidate => ImageTable.NameOf(candidate)?.Canonical == reference.Canonical);
        if (entry is null || ImageTable.RegistryDigestOf(entry) is not { } known)
            return null;
        return await source.FindDigestAsync(cancellationToken) == known ? image.Record : null;
    }

    /// <summary>Follows what a reference names to the image for this platform; its documents are in the store then, under the lease.</summary>
    private async Task<ResolvedImage> ResolveAsync(RemoteDocument top, RegistrySource source, ContentLease lease, CancellationToken cancellationToken)
    {
        ResolvedImage image = await ResolvedImage.ResolveAsync(top.Descriptor, _platform, async (descriptor, digest) =>
        {
            if (digest.ToString() == top.Descriptor.Digest)
                return top.Content;
            return (lease.TryProtect(digest, null) ? FindDocument(digest) : null) ?? await source.GetDocumentAsync(descriptor, digest, cancellationToken);
        });
        await Task.Run(
            () =>
            {
                _content.Ingest(image.Manifest, image.ManifestDigest, lease);
                _content.Ingest(image.ConfigDocument, image.ConfigDigest, lease);
            },
            cancellationToken);
        return image;
    }

    /// <summary>Null where the stored one cannot be used.</summary>
    private byte[]? FindDocument(Digest digest)
    {
        try
        {
            return _content.ReadDocument(digest);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return null;
        }
    }

    private async Task FetchLayersAsync(
        ResolvedImage image, RegistrySource source, ContentLease contentLease, LayerLease layerLease, PullProgress progress, CancellationToken cancellationToken)
    {
        Dictionary<Digest, BlobFlight> flights = [];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            foreach (ResolvedLayer layer in image.Layers.DistinctBy(layer => layer.Blob))
            {
                if (contentLease.TryProtect(layer.Blob, layer.Size))
                    progress.Set(layer.Blob.ToString(), LayerPullState.Present);
                else
                    flights[layer.Blob] = _pulls.Download(source, layer);
            }
            List<Task> work = [.. flights.Values.Select(flight => WatchAsync(flight, contentLease, progress, stop.Token))];
            work.Add(UnpackArrivingAsync(image, layerLease, flights, stop.Token));
            await AllOrFirstFailureAsync(work, stop);
        }
        finally
        {
            await Task.WhenAll(flights.Values.Select(_pulls.LeaveAsync));
        }
        foreach (Digest blob in flights.Keys)
            progress.Set(blob.ToString(), LayerPullState.Done);
    }

    private static async Task WatchAsync(BlobFlight flight, ContentLease lease, PullProgress progress, CancellationToken cancellationToken)
    {
        BlobDownload download = flight.Download;
        progress.Downloading(download.Digest.ToString(), download);
        await download.Completed.WaitAsync(cancellationToken);
        if (!lease.TryProtect(download.Digest, download.Size))
            throw new InvalidDataException($"blob {download.Digest} is gone from the store as soon as it came");
        progress.Set(download.Digest.ToString(), LayerPullState.Unpacking);
    }

    private async Task UnpackArrivingAsync(ResolvedImage image, LayerLease lease, Dictionary<Digest, BlobFlight> flights, CancellationToken cancellationToken)
    {
        if (lease.TryProtect(image.Chain))
            return;
        try
        {
            await _layers.EnsureAsync([.. image.Layers.Select(layer => SourceOf(layer, flights.GetValueOrDefault(layer.Blob)))], cancellationToken);
        }
        catch (LayerException)
        {
            // A download that had to begin anew ends its readers, also those of other pulls. Once all blobs are here the store's own are read; a blob that
            // cannot come fails the pull with its own words.
            await Task.WhenAll(flights.Values.Select(flight => flight.Download.Completed)).WaitAsync(cancellationToken);
            await UnpackAsync(image, lease, cancellationToken);
        }
    }

    private LayerSource SourceOf(ResolvedLayer layer, BlobFlight? flight) => flight is null
        ? new LayerSource(layer.Chain, layer.DiffId, layer.Blob, _ => _content.OpenRead(layer.Blob))
        : new LayerSource(layer.Chain, layer.DiffId, layer.Blob, flight.Download.OpenRead, flight.Download.Completed);

    /// <summary>The first to fail stops the others, and its failure is the one that is told.</summary>
    private static async Task AllOrFirstFailureAsync(List<Task> work, CancellationTokenSource stop)
    {
        await foreach (Task ended in Task.WhenEach(work))
        {
            if (ended.IsCompletedSuccessfully)
                continue;
            await stop.CancelAsync();
            await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ended;
        }
    }
}
