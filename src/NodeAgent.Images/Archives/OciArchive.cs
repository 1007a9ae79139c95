using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Archives;

/// <summary>An OCI image layout: folder, oci-archive, or what current versions of docker save. Source: image-spec image-layout.md.</summary>
internal static class OciArchive
{
    public const string RefNameAnnotation = "org.opencontainers.image.ref.name";
    public const string FullNameAnnotation = "io.containerd.image.name";

    public static bool IsOne(ArchiveFiles files) => files.Read("oci-layout") is not null;

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static List<ArchivedImage> List(ArchiveFiles files, NodePlatform platform)
    {
        byte[] marker = files.Read("oci-layout") ?? throw new InvalidDataException("oci-layout is missing");
        string? version = ResolvedImage.Parse(marker, OciJson.Default.OciLayoutMarker, "oci-layout file").ImageLayoutVersion;
        if (version is null || !version.StartsWith("1.", StringComparison.Ordinal))
            throw new InvalidDataException($"its image layout has version '{version}'; 1.0.0 is known");
        byte[] index = files.Read("index.json") ?? throw new InvalidDataException("index.json is missing");
        IReadOnlyList<OciDescriptor> entries = ResolvedImage.Parse(index, OciJson.Default.OciIndex, "index.json").Manifests ?? [];

        // One name may stand several times, once per platform; one image may stand several times, once per name.
        List<ArchivedImage> images = [];
        foreach (IGrouping<(string?, string?), OciDescriptor> entry in entries.GroupBy(NameOf))
        {
            OciDescriptor chosen = entry.Key == default || entry.Count() == 1 ? entry.First() : platform.Choose([.. entry]);
            IEnumerable<OciDescriptor> wanted = entry.Key == default ? entry : [chosen];
            images.AddRange(wanted.Select(descriptor => new OciArchivedImage(files, descriptor, platform)
            {
                Names = entry.Key.Item1 is { } name ? [name] : [],
                BareTag = entry.Key.Item2,
            }));
        }
        return images;
    }

    /// <summary>The full name if there is one, else the bare tag.</summary>
    public static (string? Name, string? BareTag) NameOf(OciDescriptor descriptor)
    {
        if (descriptor.Annotations?.GetValueOrDefault(FullNameAnnotation) is { Length: > 0 } full)
            return (full, null);
        string? name = descriptor.Annotations?.GetValueOrDefault(RefNameAnnotation);
        if (string.IsNullOrEmpty(name))
            return default;
        return name.AsSpan().ContainsAny('/', ':', '@') ? (name, null) : (null, name);
    }

    private sealed class OciArchivedImage(ArchiveFiles files, OciDescriptor descriptor, NodePlatform platform) : ArchivedImage
    {
        public override ResolvedImage Ingest(ContentStore store, ContentLease lease, CancellationToken cancellationToken)
        {
            ResolvedImage image = ResolvedImage.Resolve(descriptor, platform, Read);
            ParallelOptions options = new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken };
            try
            {
                Parallel.ForEach(
                    image.Layers.DistinctBy(layer => layer.Blob),
                    options,
                    layer => store.Ingest(() => Open(layer.Blob), layer.Blob, layer.Size, lease, cancellationToken));
            }
            catch (AggregateException e)
            {
                throw new InvalidDataException(e.InnerExceptions[0].Message, e.InnerExceptions[0]);
            }
            store.Ingest(image.ConfigDocument, image.ConfigDigest, lease);
            store.Ingest(image.Manifest, image.ManifestDigest, lease);
            return image;
        }

        private static string PathOf(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

        private Stream Open(Digest digest) =>
            files.Open(PathOf(digest)) ?? throw new InvalidDataException($"blob {digest} is missing");

        private byte[] Read(Digest digest)
        {
            byte[] document = files.Read(PathOf(digest)) ?? throw new InvalidDataException($"blob {digest} is missing");
            Digest actual = digest.OfSameAlgorithm(document);
            return actual == digest ? document : throw new InvalidDataException($"blob {digest} is damaged: its content has digest {actual}");
        }
    }
}
