using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Images.References;
using NodeAgent.Images.Snapshots;

namespace NodeAgent.Images.Content;

/// <summary>A layer as manifest and configuration together describe it.</summary>
/// <param name="Size">Bytes of the blob.</param>
public sealed record ResolvedLayer(Digest Blob, long Size, Digest DiffId, string Chain);

/// <summary>An image for this node's platform, its documents checked against each other. Layers are lowest first.</summary>
/// <param name="Descriptor">Media type, digest and size of the manifest, and nothing else.</param>
public sealed record ResolvedImage(
    OciDescriptor Descriptor,
    Digest ManifestDigest,
    byte[] Manifest,
    Digest ConfigDigest,
    byte[] ConfigDocument,
    OciImageConfig Config,
    IReadOnlyList<ResolvedLayer> Layers)
{
    /// <summary>Overlayfs stacks no more.</summary>
    private const int MaxLayers = 500;

    public IReadOnlyList<string> Chain { get; } = [.. Layers.Select(layer => layer.Chain)];

    /// <summary>Bytes of manifest, configuration and layers; a layer that stands twice is counted once.</summary>
    public long SizeBytes { get; } =
        Manifest.Length + ConfigDocument.Length + Layers.DistinctBy(layer => layer.Blob).Sum(layer => layer.Size);

    /// <summary>
    /// Follows a descriptor to the image for this platform. Throws <see cref="InvalidDataException"/> saying what is wrong with it.
    /// </summary>
    /// <param name="read">Gives a document that has the digest asked for, or throws <see cref="InvalidDataException"/>.</param>
    public static ResolvedImage Resolve(OciDescriptor descriptor, NodePlatform platform, Func<Digest, byte[]> read)
    {
        ValueTask<ResolvedImage> resolved = ResolveAsync(descriptor, platform, (_, digest) => new ValueTask<byte[]>(read(digest)));
        // Nothing in it waits but reading.
        return resolved.IsCompleted ? resolved.GetAwaiter().GetResult() : throw new InvalidOperationException("a document was not read at once");
    }

    /// <summary>The same with documents that may come from elsewhere. What reading throws comes through.</summary>
    /// <param name="read">Gives the document of a descriptor, whose digest it has.</param>
    public static async ValueTask<ResolvedImage> ResolveAsync(OciDescriptor descriptor, NodePlatform platform, Func<OciDescriptor, Digest, ValueTask<byte[]>> read)
    {
        // An index in an index is allowed; one that contains itself cannot be made, and a limit is needed against long chains all the same.
        for (int depth = 0; depth < 8; depth++)
        {
            Digest digest = DigestOf(descriptor, "manifest");
            byte[] document = await read(descriptor, digest);
            string mediaType = MediaTypeOf(descriptor, document);
            if (MediaTypes.IsSchema1(mediaType))
                throw new InvalidDataException("its manifest is of docker's schema 1, which has been obsolete since 2017; push the image anew with a current tool");
            if (MediaTypes.IsManifest(mediaType))
                return await FromManifestAsync(new OciDescriptor { MediaType = mediaType, Digest = $"{digest}", Size = document.Length }, digest, document, platform, read);
            if (!MediaTypes.IsIndex(mediaType))
                throw new InvalidDataException($"{digest} has media type {mediaType}, which is neither an image nor an index of images");
            descriptor = platform.Choose(Parse(document, OciJson.Default.OciIndex, "index").Manifests ?? []);
        }
        throw new InvalidDataException("its indexes are nested too deep");
    }

    private static async ValueTask<ResolvedImage> FromManifestAsync(
        OciDescriptor descriptor, Digest digest, byte[] document, NodePlatform platform, Func<OciDescriptor, Digest, ValueTask<byte[]>> read)
    {
        OciManifest manifest = Parse(document, OciJson.Default.OciManifest, "manifest");
        OciDescriptor config = manifest.Config ?? throw new InvalidDataException("its manifest has no configuration");
        if (config.MediaType is not (MediaTypes.OciConfig or MediaTypes.DockerConfig))
            throw new InvalidDataException($"it is no container image: its configuration has media type {config.MediaType}");
        Digest configDigest = DigestOf(config, "configuration");
        byte[] configDocument = await read(config, configDigest);
        OciImageConfig parsed = Parse(configDocument, OciJson.Default.OciImageConfig, "configuration");
        platform.Check(parsed);
        return new ResolvedImage(descriptor, digest, document, configDigest, configDocument, parsed, Match(manifest.Layers ?? [], parsed));
    }

    private static List<ResolvedLayer> Match(IReadOnlyList<OciDescriptor> layers, OciImageConfig config)
    {
        List<Digest> diffIds = DiffIdsOf(config);
        if (diffIds.Count != layers.Count)
            throw new InvalidDataException($"its manifest has {layers.Count} layers and its configuration {diffIds.Count}");
        IReadOnlyList<string> chain = ChainId.Of(diffIds);
        List<ResolvedLayer> resolved = [];
        for (int i = 0; i < layers.Count; i++)
        {
            Digest blob = DigestOf(layers[i], "layer");
            if (MediaTypes.DescribeBadLayer(layers[i].MediaType) is { } bad)
                throw new InvalidDataException($"layer {blob} {bad}");
            resolved.Add(new ResolvedLayer(blob, layers[i].Size, diffIds[i], chain[i]));
        }
        return resolved;
    }

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static List<Digest> DiffIdsOf(OciImageConfig config)
    {
        if (config.Rootfs?.Type is { } type && type != "layers")
            throw new InvalidDataException($"its configuration has a root filesystem of type '{type}'; only 'layers' exists");
        List<Digest> diffIds = [];
        foreach (string? text in config.Rootfs?.DiffIds ?? [])
        {
            diffIds.Add(Digest.TryParse(text, out Digest diffId)
                ? diffId
                : throw new InvalidDataException($"its configuration has '{text}' where a layer's digest belongs"));
        }
        return diffIds.Count <= MaxLayers ? diffIds : throw new InvalidDataException($"it has {diffIds.Count} layers; {MaxLayers} is the most that can be stacked");
    }

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static Digest DigestOf(OciDescriptor? descriptor, string what)
    {
        if (!Digest.TryParse(descriptor?.Digest, out Digest digest))
            throw new InvalidDataException($"its {what} has '{descriptor?.Digest}' where a sha256 or sha512 digest belongs");
        return descriptor!.Size >= 0 ? digest : throw new InvalidDataException($"its {what} {digest} has a negative size");
    }

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static T Parse<T>(byte[] document, JsonTypeInfo<T> type, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(document, type) ?? throw new InvalidDataException($"its {what} is null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"its {what} is not what it should be: {e.Message}", e);
        }
    }

    /// <summary>The descriptor's word counts; OCI documents need not say it themselves.</summary>
    public static string MediaTypeOf(OciDescriptor descriptor, byte[] document)
    {
        if (!string.IsNullOrEmpty(descriptor.MediaType))
            return descriptor.MediaType;
        OciIndex either = Parse(document, OciJson.Default.OciIndex, "manifest");
        if (either.SchemaVersion == 1)
            return MediaTypes.DockerSchema1;
        return either.MediaType ?? (either.Manifests is null ? MediaTypes.OciManifest : MediaTypes.OciIndex);
    }
}
