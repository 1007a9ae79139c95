using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;
using NodeAgent.Linux;

namespace NodeAgent.Images;

public sealed partial class ImageService
{
    private const string Healing = "pull or load the image again";

    /// <summary>Blobs that are read at the same time: a disk has little from more, and pods run beside this.</summary>
    private const int VerifiedAtOnce = 2;

    /// <remarks>
    /// Every blob of the store is read first, whether or not an image needs it, without any lock: blobs may come and go meanwhile. One that is damaged is set
    /// aside, see <see cref="ContentStore"/>; a document that is still in memory is written anew at once. Then the index is followed as it is by then. The image
    /// stays listed and its containers go on: they run on unpacked layers, which were digested when they were unpacked.
    /// </remarks>
    public async Task<ImageVerification> VerifyAsync(CancellationToken cancellationToken)
    {
        List<ImageFinding> findings = [.. _content.CheckLayout().Select(problem => new ImageFinding(ImageFault.Layout, [], null, problem, "it was written anew"))];
        List<(Digest Digest, long Size)> blobs = _content.ListBlobs();
        ConcurrentDictionary<Digest, string> damaged = [];
        long bytes = 0;
        ParallelOptions options = new() { MaxDegreeOfParallelism = VerifiedAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(blobs, options, (blob, token) =>
        {
            (string? problem, long read) = _content.Check(blob.Digest, token);
            Interlocked.Add(ref bytes, read);
            if (problem is not null)
                damaged[blob.Digest] = problem;
            return ValueTask.CompletedTask;
        });

        using ContentLease lease = _content.NewLease();
        HashSet<Digest> healed = [.. damaged.Keys.Where(digest => TryHeal(digest, lease))];
        int images = 0;
        StoreWalk? walk = null;
        // Within a change nothing that the index names can be swept away under the walk, which reads documents only.
        await ChangeAsync(
            () =>
            {
                walk = Walk(_content.Index);
                images = _content.Index.Select(entry => entry.Digest).Distinct(StringComparer.Ordinal).Count();
            },
            cancellationToken);
        findings.AddRange(damaged.Select(blob => Damaged(blob.Key, blob.Value, walk!.UsersOf(blob.Key), healed.Contains(blob.Key))));
        // What was set aside just now is told as what it is.
        findings.AddRange(walk!.Findings.Where(finding => finding.Fault != ImageFault.Missing || !damaged.ContainsKey(Digest.Parse(finding.Digest!))));
        return new ImageVerification(images, blobs.Count, bytes,
        [
            .. findings.OrderBy(finding => finding.Fault).ThenBy(finding => finding.Digest, StringComparer.Ordinal).ThenBy(finding => finding.Problem, StringComparer.Ordinal),
        ]);
    }

    private ImageFinding Damaged(Digest digest, string problem, IReadOnlyList<string> users, bool healed)
    {
        LogDamaged(_logger, digest.ToString(), problem, users.Count == 0 ? "no image" : string.Join(", ", users));
        string remedy = healed ? "it was written anew from memory"
            : users.Count == 0 ? "no image needs it: it is deleted with the next change of an image"
            : $"it was set aside; {Healing}";
        return new ImageFinding(ImageFault.Damaged, users, digest.ToString(), problem, remedy);
    }

    private StoreWalk Walk(IReadOnlyList<OciDescriptor> index)
    {
        StoreWalk walk = new(_platform, _content.SizeOf, digest =>
        {
            try
            {
                return _content.ReadDocument(digest);
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                return InMemory(digest);
            }
        });
        foreach (OciDescriptor entry in index)
            walk.Follow(entry);
        return walk;
    }

    private bool TryHeal(Digest digest, ContentLease lease)
    {
        if (InMemory(digest) is not { } document)
            return false;
        _content.Ingest(document, digest, lease);
        return true;
    }

    /// <summary>A document of an image that is listed.</summary>
    private byte[]? InMemory(Digest digest)
    {
        foreach (StoredImage image in Volatile.Read(ref _table).Images)
        {
            if (image.Resolved.ManifestDigest == digest)
                return image.Resolved.Manifest;
            if (image.Resolved.ConfigDigest == digest)
                return image.Resolved.ConfigDocument;
        }
        return null;
    }

    /// <summary>Whether a layer could not be unpacked because of what is in it, and not because of the disk that it goes to.</summary>
    private static bool IsAboutContent(LayerException failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            if (e is LinuxException or IOException or UnauthorizedAccessException)
                return false;
        }
        return true;
    }

    /// <summary>A layer could not be unpacked: if its blob is to blame, it makes room for a good one.</summary>
    private void SetAsideDamaged(ResolvedImage image)
    {
        foreach (Digest blob in image.Layers.Select(layer => layer.Blob).Distinct())
        {
            if (_content.Check(blob, CancellationToken.None).Problem is { } problem)
                LogDamaged(_logger, blob.ToString(), problem, image.ManifestDigest.ToString());
        }
    }

    /// <summary>Whether all blobs of an image are there. Without that, a pull of it has something to do.</summary>
    internal bool HasContent(ResolvedImage image) =>
        _content.SizeOf(image.ManifestDigest) is not null && _content.SizeOf(image.ConfigDigest) is not null
        && image.Layers.All(layer => _content.SizeOf(layer.Blob) == layer.Size);

    [LoggerMessage(3031, LogLevel.Error, "blob {Digest} is damaged and was set aside: {Problem}; it belongs to {Images}")]
    private static partial void LogDamaged(ILogger logger, string digest, string problem, string images);
}
