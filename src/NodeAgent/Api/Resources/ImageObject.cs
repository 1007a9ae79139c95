using System.Text.Json;
using System.Text.Json.Serialization;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Resources;

/// <summary>An image on this node (podagent.io/v1alpha1 Image). Named by its first name, or by its id when it has none.</summary>
internal sealed record ImageObject
{
    public string Kind { get; init; } = "Image";
    public string ApiVersion { get; init; } = ApiGroup.Version;
    public required ObjectMeta Metadata { get; init; }

    /// <summary>Digest of the image's configuration.</summary>
    public required string Id { get; init; }

    /// <summary>Digest of the manifest.</summary>
    public required string Digest { get; init; }

    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Bytes of compressed content.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Bytes on disk of the unpacked layers, those included that other images share; absent while they are not known.</summary>
    public long? UnpackedBytes { get; init; }

    /// <summary>The node's configuration keeps it; absent: it does not.</summary>
    public bool? Pinned { get; init; }

    public required int Layers { get; init; }
    public required string Platform { get; init; }
}

/// <summary>How far a pull is (podagent.io/v1alpha1 ImagePull).</summary>
internal sealed record ImagePullObject
{
    public string Kind { get; init; } = "ImagePull";
    public string ApiVersion { get; init; } = ApiGroup.Version;

    /// <summary>Lowest first; empty until the manifest is here.</summary>
    public required IReadOnlyList<LayerPullObject> Layers { get; init; }

    public static ImagePullObject Of(PullStatus status) => new()
    {
        Layers = [.. status.Layers.Select(layer => new LayerPullObject(layer.Digest, layer.Size, layer.Received, layer.State.ToString()))],
    };
}

/// <param name="Size">Bytes, packed.</param>
/// <param name="Received">Bytes that have come.</param>
/// <param name="State">A <see cref="LayerPullState"/>.</param>
internal sealed record LayerPullObject(string Digest, long Size, long Received, string State);

/// <summary>What images take on disk (podagent.io/v1alpha1 ImageFs). What several images share is counted once.</summary>
/// <param name="ContentBytes">Compressed content.</param>
/// <param name="UnpackedBytes">Unpacked layers.</param>
/// <param name="FreedBytes">What removals have given back since the agent's start.</param>
/// <param name="ContainersBytes">What containers have written over the images, when that was asked for.</param>
internal sealed record ImageFsObject(long ContentBytes, long UnpackedBytes, long FreedBytes, long? ContainersBytes)
{
    public string Kind { get; init; } = "ImageFs";
    public string ApiVersion { get; init; } = ApiGroup.Version;
}

/// <summary>What a prune took, or would take (podagent.io/v1alpha1 ImagePrune).</summary>
/// <param name="Removed">One object for each name, and for each image that has none.</param>
/// <param name="Failures">Images that could not be removed, each with the reason.</param>
/// <param name="FreedBytes">Compressed content and unpacked layers; 0 when nothing was done.</param>
internal sealed record ImagePruneObject(IReadOnlyList<ImageObject> Removed, IReadOnlyList<string> Failures, long FreedBytes)
{
    public string Kind { get; init; } = "ImagePrune";
    public string ApiVersion { get; init; } = ApiGroup.Version;
}

/// <summary>A manifest file with faults (podagent.io/v1alpha1 ManifestError).</summary>
internal sealed record ManifestErrorObject
{
    public string Kind { get; init; } = "ManifestError";
    public string ApiVersion { get; init; } = ApiGroup.Version;
    public required ObjectMeta Metadata { get; init; }
    public required string File { get; init; }
    public required IReadOnlyList<ManifestFaultObject> Faults { get; init; }
}

/// <param name="Line">1-based, 0 when the fault has no place in the text.</param>
/// <param name="Column">Likewise.</param>
/// <param name="Field">Path of the field, e.g. <c>spec.containers[0].image</c>.</param>
internal sealed record ManifestFaultObject(int Line, int Column, string? Field, string Message);

internal static class ApiGroup
{
    public const string Name = "podagent.io";
    public const string Version = "podagent.io/v1alpha1";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(ImageObject))]
[JsonSerializable(typeof(ImagePullObject))]
[JsonSerializable(typeof(ImageFsObject))]
[JsonSerializable(typeof(ImagePruneObject))]
[JsonSerializable(typeof(ImageDetailsObject))]
[JsonSerializable(typeof(ImageVerificationObject))]
[JsonSerializable(typeof(ManifestErrorObject))]
internal sealed partial class ApiGroupJson : JsonSerializerContext;
