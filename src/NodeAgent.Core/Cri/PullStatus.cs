using System.Collections.Immutable;

namespace NodeAgent.Core.Cri;

/// <summary>How far a pull has come.</summary>
/// <param name="Layers">Lowest first; empty until the image's manifest is here.</param>
public sealed record PullStatus(ImmutableArray<LayerPull> Layers)
{
    public static PullStatus Resolving { get; } = new([]);

    public bool Equals(PullStatus? other) => other is not null && Layers.AsSpan().SequenceEqual(other.Layers.AsSpan());

    public override int GetHashCode() => Layers.Length;
}

/// <summary>One layer of an image that is pulled.</summary>
/// <param name="Digest">Of the packed layer.</param>
/// <param name="Size">Bytes, packed.</param>
/// <param name="Received">Bytes that have come from the registry; 0 for a layer that was here.</param>
public sealed record LayerPull(string Digest, long Size, long Received, LayerPullState State);

public enum LayerPullState
{
    /// <summary>Others are downloaded first.</summary>
    Waiting,

    /// <summary>Unpacked while it comes.</summary>
    Downloading,

    /// <summary>All of it has come; the rest is being unpacked.</summary>
    Unpacking,

    /// <summary>It was on the node before.</summary>
    Present,
    Done,
}

public static class ImageServicePulls
{
    /// <summary>Brings an image onto the node without a word about how far it is.</summary>
    public static Task<ImageRecord> PullImageAsync(this IImageService images, string reference, CancellationToken cancellationToken) =>
        images.PullImageAsync(reference, null, cancellationToken);
}
