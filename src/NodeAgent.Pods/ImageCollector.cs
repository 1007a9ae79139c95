using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.ImageGc;

namespace NodeAgent.Pods;

/// <summary>What became of a removal of images.</summary>
/// <param name="Enough">What it was for is reached; false when nothing more may go.</param>
/// <param name="Failures">Images that could not be removed, each with the reason.</param>
public sealed record ImageRemovals(ImmutableArray<ImageRecord> Removed, ImmutableArray<string> Failures, bool Enough);

/// <summary>What a prune took, or would take.</summary>
/// <param name="FreedBytes">Content and unpacked layers that nothing needs any more.</param>
public sealed record ImagePrune(ImageRemovals Removals, long FreedBytes);

/// <summary>
/// Removes images that nobody uses, and keeps the one record of when each was used last.
/// <code>
///   for room, for age, for a prune:   look: images, who uses them -> choose (pure) -> remove the first -> wait for the disk -> enough? -> look again
/// </code>
/// Callers: the eviction loop and the image collection's loop, from a task each, and the API. One removal at a time, so two that make room do not take twice as
/// much. Invariant: the use is read right before each removal; no image is removed that a pod used at that look, nor one that is pinned.
/// A pod that names an image after that look pulls it anew.
/// </summary>
public sealed partial class ImageCollector(
    IPodRuntime runtime, IImageService images, ISnapshotter snapshots, ImageUse use, ImageGcSettings settings, SteadyClock clock, ILogger<ImageCollector> log)
{
    private readonly SemaphoreSlim _turn = new(1);
    private ImageHistory _history = ImageHistory.Empty;

    /// <summary>Remembers which images are in use now.</summary>
    internal async Task NoteAsync(CancellationToken cancellationToken) => await NoteAsync(await runtime.ListPodsAsync(cancellationToken), cancellationToken);

    /// <inheritdoc cref="NoteAsync(CancellationToken)"/>
    /// <param name="states">Everything the node has, as the runtime has just listed it.</param>
    internal Task NoteAsync(IReadOnlyList<PodRuntimeState> states, CancellationToken cancellationToken) => InTurnAsync(() => LookAsync(states, cancellationToken), cancellationToken);

    /// <summary>Makes room on the disk of the images, longest unused first.</summary>
    /// <param name="isEnough">Asked before each removal, when the disk has back what the one before freed.</param>
    /// <param name="why">For the log.</param>
    internal Task<ImageRemovals> FreeAsync(Func<bool> isEnough, string why, CancellationToken cancellationToken) => RemoveAsync(
        look => UnusedImages.ForRoom(look.Images, look.InUse, _history, settings.MinimumAge, clock.Now), isEnough, why, cancellationToken);

    /// <summary>Removes what has been unused for longer than the configuration lets it.</summary>
    internal Task<ImageRemovals> RemoveExpiredAsync(CancellationToken cancellationToken) => RemoveAsync(
        look => UnusedImages.Expired(look.Images, look.InUse, _history, settings.MaximumAge, clock.Now), static () => false,
        $"nothing has used it for {settings.MaximumAge}", cancellationToken);

    /// <summary>Removes images that no pod uses because somebody asks for it.</summary>
    /// <param name="all">Also those that have a tag.</param>
    /// <param name="dryRun">Removes nothing and answers what would go.</param>
    public async Task<ImagePrune> PruneAsync(bool all, bool dryRun, CancellationToken cancellationToken)
    {
        if (dryRun)
        {
            var look = await InTurnAsync(() => LookAsync(null, cancellationToken), cancellationToken);
            return new ImagePrune(new ImageRemovals([.. UnusedImages.ForPrune(look.Images, look.InUse, all)], [], Enough: true), 0);
        }

        long before = (await images.ImageFsInfoAsync(cancellationToken)).FreedBytes;
        var removals = await RemoveAsync(look => UnusedImages.ForPrune(look.Images, look.InUse, all), static () => false, "somebody prunes", cancellationToken);
        return new ImagePrune(removals, (await images.ImageFsInfoAsync(cancellationToken)).FreedBytes - before);
    }

    private Task<ImageRemovals> RemoveAsync(Func<Look, IReadOnlyList<ImageRecord>> choose, Func<bool> isEnough, string why, CancellationToken cancellationToken) =>
        InTurnAsync(async () =>
        {
            var removed = ImmutableArray.CreateBuilder<ImageRecord>();
            var failures = ImmutableArray.CreateBuilder<string>();
            var tried = new HashSet<string>(StringComparer.Ordinal);
            bool enough;
            while (!(enough = isEnough()))
            {
                var look = await LookAsync(null, cancellationToken);
                if (choose(look).FirstOrDefault(image => tried.Add(image.Id)) is not { } image)
                    break;
                if (await RemoveAsync(image, why, failures, cancellationToken))
                    removed.Add(image);
            }

            return new ImageRemovals(removed.ToImmutable(), failures.ToImmutable(), enough);
        }, cancellationToken);

    /// <returns>False when it was gone already, or could not be removed, which is a failure more.</returns>
    private async Task<bool> RemoveAsync(ImageRecord image, string why, ImmutableArray<string>.Builder failures, CancellationToken cancellationToken)
    {
        string name = image.Names.Count > 0 ? image.Names[0] : image.Id;
        try
        {
            if (!await images.RemoveImageAsync(image.Id, cancellationToken))
                return false;
            LogRemoved(log, name, image.Id, image.SizeBytes, why);
            await snapshots.WaitForDeletionsAsync(cancellationToken);
            return true;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            LogNotRemoved(log, name, error.Message, error);
            failures.Add($"{name}: {error.Message}");
            return false;
        }
    }

    /// <summary>Under the turn.</summary>
    private async Task<Look> LookAsync(IReadOnlyList<PodRuntimeState>? states, CancellationToken cancellationToken)
    {
        // The images first: one that comes in between is not chosen.
        var there = await images.ListImagesAsync(cancellationToken);
        var users = await use.OfAsync(states ?? await runtime.ListPodsAsync(cancellationToken), cancellationToken);
        var inUse = users.Keys.ToHashSet(StringComparer.Ordinal);
        _history = _history.Observe(there, inUse, clock.Now);
        return new Look(there, inUse);
    }

    private async Task<T> InTurnAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await work();
        }
        finally
        {
            _turn.Release();
        }
    }

    private sealed record Look(IReadOnlyList<ImageRecord> Images, IReadOnlySet<string> InUse);

    [LoggerMessage(3511, LogLevel.Information, "image {Image} ({Id}, {Bytes} bytes), which no pod uses, is removed: {Why}")]
    private static partial void LogRemoved(ILogger log, string image, string id, long bytes, string why);

    [LoggerMessage(3512, LogLevel.Warning, "image {Image}, which no pod uses, cannot be removed: {Why}")]
    private static partial void LogNotRemoved(ILogger log, string image, string why, Exception error);
}
