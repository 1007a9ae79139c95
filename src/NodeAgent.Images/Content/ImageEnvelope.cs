using System.Text.Json;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Content;

/// <summary>
/// What <c>index.json</c> says of an image. A manifest of docker's schema 2 keeps its bytes and so its digest, but the tools that read OCI layouts
/// look only at entries of OCI's own types: it gets an index of one entry around it, which they do follow.
/// </summary>
internal static class ImageEnvelope
{
    /// <summary>The manifest's own descriptor, or that of the index, which is taken into the store under the lease.</summary>
    public static OciDescriptor DescriptorFor(ResolvedImage image, ContentStore store, ContentLease lease)
    {
        (OciDescriptor descriptor, byte[]? index) = Make(image);
        if (index is not null)
            store.Ingest(index, Digest.Parse(descriptor.Digest!), lease);
        return descriptor;
    }

    /// <summary>Takes a configuration and a manifest of its own making into the store, for what comes without one.</summary>
    /// <returns>The manifest's descriptor.</returns>
    public static OciDescriptor Write(ReadOnlySpan<byte> configuration, IReadOnlyList<OciDescriptor> layers, ContentStore store, ContentLease lease)
    {
        OciManifest manifest = new()
        {
            MediaType = MediaTypes.OciManifest,
            Config = new OciDescriptor { MediaType = MediaTypes.OciConfig, Digest = $"{store.Ingest(configuration, null, lease)}", Size = configuration.Length },
            Layers = layers,
        };
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.OciManifest);
        return new OciDescriptor { MediaType = MediaTypes.OciManifest, Digest = $"{store.Ingest(document, null, lease)}", Size = document.Length };
    }

    /// <summary>What an image is listed by, and the index around it where it needs one.</summary>
    public static (OciDescriptor Descriptor, byte[]? Index) Make(ResolvedImage image)
    {
        if (image.Descriptor.MediaType != MediaTypes.DockerManifest)
            return (image.Descriptor, null);
        OciIndex index = new()
        {
            MediaType = MediaTypes.OciIndex,
            Manifests =
            [
                image.Descriptor with
                {
                    Platform = new OciPlatform { Architecture = image.Config.Architecture, Os = image.Config.Os, Variant = image.Config.Variant },
                },
            ],
        };
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.OciIndex);
        return (new OciDescriptor { MediaType = MediaTypes.OciIndex, Digest = $"{Digest.OfSha256(document)}", Size = document.Length }, document);
    }
}
