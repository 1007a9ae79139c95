using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Images.Content;

/// <summary>Points at a blob. Source: image-spec descriptor.md. What is not named here is kept as it was read.</summary>
public sealed record OciDescriptor
{
    public string? MediaType { get; init; }
    public string? Digest { get; init; }

    /// <summary>Bytes.</summary>
    public long Size { get; init; }
    public OciPlatform? Platform { get; init; }
    public Dictionary<string, string>? Annotations { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }
}

/// <summary>Source: image-spec image-index.md.</summary>
public sealed record OciPlatform
{
    public string? Architecture { get; init; }
    public string? Os { get; init; }
    public string? Variant { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }

    public override string ToString() => $"{Os}/{Architecture}{(string.IsNullOrEmpty(Variant) ? "" : "/" + Variant)}";
}

/// <summary>An image index or docker's manifest list; also the layout's own <c>index.json</c>. Source: image-spec image-index.md.</summary>
public sealed record OciIndex
{
    public int SchemaVersion { get; init; } = 2;
    public string? MediaType { get; init; }
    public IReadOnlyList<OciDescriptor>? Manifests { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }
}

/// <summary>Source: image-spec manifest.md.</summary>
public sealed record OciManifest
{
    public int SchemaVersion { get; init; } = 2;
    public string? MediaType { get; init; }
    public OciDescriptor? Config { get; init; }
    public IReadOnlyList<OciDescriptor>? Layers { get; init; }
}

/// <summary>The marker file <c>oci-layout</c>. Source: image-spec image-layout.md.</summary>
public sealed record OciLayoutMarker
{
    public string? ImageLayoutVersion { get; init; }
}

/// <summary>One entry of a docker-archive's <c>manifest.json</c>; its names are written in Pascal case.</summary>
public sealed record DockerArchiveEntry
{
    [JsonPropertyName("Config")]
    public string? Config { get; init; }

    [JsonPropertyName("RepoTags")]
    public IReadOnlyList<string>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public IReadOnlyList<string>? Layers { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OciIndex))]
[JsonSerializable(typeof(OciManifest))]
[JsonSerializable(typeof(OciLayoutMarker))]
[JsonSerializable(typeof(OciImageConfig))]
[JsonSerializable(typeof(DockerArchiveEntry[]))]
public sealed partial class OciJson : JsonSerializerContext;
