using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Makes room before any pod has to go: the volumes of pods that are over and what dead containers wrote into their root file systems, then images that no pod
/// names or runs, longest unused first, until there is enough. What an evicted pod held is freed so, too. Called by the eviction loop's task alone.
/// </summary>
internal sealed partial class NodeReclaim(IPodRuntime runtime, IImageService images, ISnapshotter snapshots, PodWorkers workers, SteadyClock clock, ILogger log)
{
    private readonly Dictionary<string, DateTimeOffset> _lastUsed = new(StringComparer.Ordinal);

    /// <summary>Remembers which images are in use now: what is longest unused is known only to who has looked.</summary>
    public async Task<IReadOnlySet<string>> NoteUseAsync(IReadOnlyList<PodRuntimeState> running, CancellationToken cancellationToken)
    {
        var inUse = running.SelectMany(pod => pod.Containers).Select(run => run.ImageId).ToHashSet(StringComparer.Ordinal);
        foreach (string reference in workers.Specifications.SelectMany(ImagesOf).Distinct(StringComparer.Ordinal))
        {
            try
            {
                if (await images.ImageStatusAsync(reference, cancellationToken) is { } image)
                    inUse.Add(image.Id);
            }
            catch (ImageException)
            {
                // A name that is none names no image; the pod's own worker tells.
            }
        }

        foreach (string id in inUse)
            _lastUsed[id] = clock.Now;
        return inUse;
    }

    /// <param name="states">Everything the node has, pods that are over included.</param>
    /// <param name="over">Those of them that are over for good.</param>
    /// <returns>Whether there is enough room now.</returns>
    public async Task<bool> FreeAsync(
        EvictionThreshold threshold, INodeStats stats, IReadOnlyList<PodRuntimeState> states, IReadOnlySet<PodUid> over, CancellationToken cancellationToken)
    {
        // Memory too: a volume may lie in it.
        foreach (var state in states.Where(state => over.Contains(state.Uid)))
            await runtime.RemovePodVolumesAsync(state.Uid, cancellationToken);
        bool onDisk = EvictionSignals.Condition(threshold.Signal) == NodeConditionType.DiskPressure;
        bool onImageFs = threshold.Signal is EvictionSignal.ImageFsAvailable or EvictionSignal.ImageFsInodesFree;
        if (!onDisk || (stats.ReadNode().DedicatedImageFs && !onImageFs))
            return IsRelieved();
        var there = (await snapshots.ListAsync(cancellationToken)).ToHashSet(StringComparer.Ordinal);
        foreach (var run in states.SelectMany(pod => pod.Containers).Where(run => run.State == ContainerRunState.Exited && there.Contains(run.Id.Value)))
            await snapshots.RemoveAsync(run.Id.Value, cancellationToken);
        await snapshots.WaitForDeletionsAsync(cancellationToken);
        if (IsRelieved())
            return true;

        var inUse = await NoteUseAsync(states, cancellationToken);
        foreach (var image in UnusedImages.Of(await images.ListImagesAsync(cancellationToken), inUse, _lastUsed, clock.Now))
        {
            LogImageRemoved(image.Names.Count > 0 ? image.Names[0] : image.Id, image.SizeBytes, EvictionSignals.Name(threshold.Signal));
            foreach (string name in image.Names.Count > 0 ? image.Names : [image.Id])
                await images.RemoveImageAsync(name, cancellationToken);
            _lastUsed.Remove(image.Id);
            await snapshots.WaitForDeletionsAsync(cancellationToken);
            if (IsRelieved())
                return true;
        }

        return false;

        bool IsRelieved() => EvictionDecision.IsRelieved(threshold, stats.ReadNode());
    }

    private static IEnumerable<string> ImagesOf(Pod pod) =>
        (pod.Spec?.InitContainers ?? []).Concat(pod.Spec?.Containers ?? []).Select(container => container.Image ?? "").Where(image => image.Length > 0);

    private void LogImageRemoved(string image, long bytes, string signal) => ImageRemoved(log, image, bytes, signal);

    [LoggerMessage(3511, LogLevel.Warning, "image {Image} ({Bytes} bytes), which no pod uses, is removed: {Signal} is low")]
    private static partial void ImageRemoved(ILogger log, string image, long bytes, string signal);
}
