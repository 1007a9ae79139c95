using System.Collections.Concurrent;
using System.Globalization;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Brings a container's image onto the node as its pull policy says, and records what it did as events.
/// </summary>
/// <remarks>
/// <c>Always</c> means that the registry is asked before every start; what the node has of the answer is not fetched again. An image that came from a file has
/// no registry behind it: where the one that its name points at cannot be reached, the image satisfies <c>Always</c>, because that policy is what
/// <c>:latest</c> implies, and whoever has just loaded <c>busybox:latest</c> expects it to run. The event says so. An image that once came from a registry,
/// or that the registry refuses, fails as it does on a Kubernetes node.
/// </remarks>
public sealed class ImageEnsurer(IImageService images, EventStore events, SteadyClock clock)
{
    /// <summary>How long a registry that could not be reached is not asked again for an image that came from a file: its starts need not wait each time.</summary>
    private static readonly TimeSpan Respite = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _unreachableUntil = new(StringComparer.Ordinal);

    /// <summary>Throws <see cref="ImageException"/>.</summary>
    public async Task<ImageRecord> EnsureAsync(Pod pod, Container container, CancellationToken cancellationToken)
    {
        string reference = container.Image ?? "";
        string name = container.Name ?? "";
        var present = await images.ImageStatusAsync(reference, cancellationToken);
        switch (container.ImagePullPolicy)
        {
            case PullPolicy.Never:
                return present ?? throw new ImageException(ImageFailure.ErrImageNeverPull, $"image \"{reference}\" is not on this node and its pull policy is Never");
            case PullPolicy.Always when present is { RegistryDigest: null }:
                return await PullOverFileAsync(pod, name, reference, present, cancellationToken);
            case PullPolicy.Always:
                return await PullAsync(pod, name, reference, cancellationToken);
            default:
                if (present is null)
                    return await PullAsync(pod, name, reference, cancellationToken);
                events.Record(pod, EventType.Normal, PodEvents.Pulled, $"image \"{reference}\" is on this node already", name);
                return present;
        }
    }

    private async Task<ImageRecord> PullAsync(Pod pod, string container, string reference, CancellationToken cancellationToken)
    {
        events.Record(pod, EventType.Normal, PodEvents.Pulling, $"pulling image \"{reference}\"", container);
        long began = clock.Time.GetTimestamp();
        var image = await images.PullImageAsync(reference, cancellationToken);
        TimeSpan took = clock.Time.GetElapsedTime(began);
        events.Record(
            pod, EventType.Normal, PodEvents.Pulled,
            string.Create(CultureInfo.InvariantCulture, $"pulled image \"{reference}\" in {took.TotalSeconds:0.0##} s ({image.SizeBytes} bytes)"), container);
        return image;
    }

    private async Task<ImageRecord> PullOverFileAsync(Pod pod, string container, string reference, ImageRecord present, CancellationToken cancellationToken)
    {
        if (!_unreachableUntil.TryGetValue(reference, out var until) || clock.Now >= until)
        {
            try
            {
                _unreachableUntil.TryRemove(reference, out _);
                return await PullAsync(pod, container, reference, cancellationToken);
            }
            catch (ImageException error) when (error.Failure == ImageFailure.RegistryUnavailable)
            {
                _unreachableUntil[reference] = clock.Now + Respite;
            }
        }

        events.Record(
            pod, EventType.Normal, PodEvents.Pulled,
            $"image \"{reference}\" came from a file and its registry cannot be reached: used as it is, although its pull policy is Always", container);
        return present;
    }
}
