using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Resources;

/// <summary>An image with everything its documents say (podagent.io/v1alpha1 ImageDetails).</summary>
internal sealed record ImageDetailsObject
{
    public string Kind { get; init; } = "ImageDetails";
    public string ApiVersion { get; init; } = ApiGroup.Version;
    public required ObjectMeta Metadata { get; init; }
    public required string Id { get; init; }
    public required IReadOnlyList<string> Names { get; init; }
    public required string Digest { get; init; }
    public required IReadOnlyList<string> RepoDigests { get; init; }
    public required string MediaType { get; init; }

    /// <summary>Bytes of compressed content.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>True, or absent.</summary>
    public bool? Pinned { get; init; }

    public DateTimeOffset? Created { get; init; }
    public string? Author { get; init; }
    public required string Os { get; init; }
    public required string Architecture { get; init; }
    public string? Variant { get; init; }

    /// <summary>What a container inherits, as the image's configuration has it.</summary>
    public JsonElement? Config { get; init; }

    public required ImageRootfsObject Rootfs { get; init; }
    public required IReadOnlyList<ImageLayer> Layers { get; init; }
    public required IReadOnlyList<ImageHistoryEntry> History { get; init; }

    public static ImageDetailsObject Of(ImageDetails details)
    {
        ImageRecord image = details.Record;
        using JsonDocument configuration = JsonDocument.Parse(details.Configuration);
        bool runs = configuration.RootElement.TryGetProperty("config", out JsonElement config) && config.ValueKind == JsonValueKind.Object;
        return new ImageDetailsObject
        {
            Metadata = ImageResource.Of(image).First().Metadata,
            Id = image.Id,
            Names = image.Names,
            Digest = image.Digest,
            RepoDigests = details.RepoDigests,
            MediaType = details.ManifestMediaType,
            SizeBytes = image.SizeBytes,
            Pinned = image.Pinned ? true : null,
            Created = details.Created,
            Author = details.Author is { Length: > 0 } author ? author : null,
            Os = image.Config.Os,
            Architecture = image.Config.Architecture,
            Variant = details.Variant is { Length: > 0 } variant ? variant : null,
            Config = runs ? config.Clone() : null,
            Rootfs = new ImageRootfsObject("layers", image.DiffIds),
            Layers = details.Layers,
            History = details.History,
        };
    }
}

internal sealed record ImageRootfsObject(string Type, IReadOnlyList<string> DiffIds);

/// <summary>What a check of the image store has seen and found (podagent.io/v1alpha1 ImageVerification).</summary>
internal sealed record ImageVerificationObject
{
    public string Kind { get; init; } = "ImageVerification";
    public string ApiVersion { get; init; } = ApiGroup.Version;
    public required int Images { get; init; }
    public required int Blobs { get; init; }

    /// <summary>Bytes that were read.</summary>
    public required long Bytes { get; init; }

    public required IReadOnlyList<ImageFindingObject> Findings { get; init; }

    public static ImageVerificationObject Of(ImageVerification verification) => new()
    {
        Images = verification.Images,
        Blobs = verification.Blobs,
        Bytes = verification.Bytes,
        Findings = [.. verification.Findings.Select(found => new ImageFindingObject(found.Fault.ToString(), found.Images, found.Digest, found.Problem, found.Remedy))],
    };
}

/// <param name="Fault">Layout, Missing, Damaged, Size or Document.</param>
internal sealed record ImageFindingObject(string Fault, IReadOnlyList<string> Images, string? Digest, string Problem, string Remedy);
