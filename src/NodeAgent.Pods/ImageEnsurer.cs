using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Brings a container's image onto the node as its pull policy says, and records what it did as events.
/// </summary>
/// <remarks>
/// <c>Always</c> means that a registry is asked before every start. Where no registry can be asked at all (<see cref="ImageFailure.RegistryUnavailable"/>), an
/// image that is on the node, because it was loaded from a file, satisfies <c>Always</c>: that policy is what <c>:latest</c> implies, and whoever has just
/// loaded <c>busybox:latest</c> expects it to run. The event says so. An image that is absent, or that the registry refuses, still fails.
/// </remarks>
public sealed class ImageEnsurer(IImageService images, EventStore events)
{
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
            case PullPolicy.Always:
                return await PullAsync(pod, name, reference, present, cancellationToken);
            default:
                if (present is null)
                    return await PullAsync(pod, name, reference, null, cancellationToken);
                events.Record(pod, EventType.Normal, PodEvents.Pulled, $"image \"{reference}\" is on this node already", name);
                return present;
        }
    }

    private async Task<ImageRecord> PullAsync(Pod pod, string container, string reference, ImageRecord? present, CancellationToken cancellationToken)
    {
        try
        {
            if (present is null)
                events.Record(pod, EventType.Normal, PodEvents.Pulling, $"pulling image \"{reference}\"", container);
            var image = await images.PullImageAsync(reference, cancellationToken);
            events.Record(pod, EventType.Normal, PodEvents.Pulled, $"pulled image \"{reference}\" ({image.SizeBytes} bytes)", container);
            return image;
        }
        catch (ImageException error) when (present is not null && error.Failure == ImageFailure.RegistryUnavailable)
        {
            events.Record(
                pod, EventType.Normal, PodEvents.Pulled,
                $"image \"{reference}\" was loaded from a file and no registry can be asked for a newer one: used as it is, although its pull policy is Always", container);
            return present;
        }
    }
}
