using System.Text.Json;
using NodeAgent.Images.Archives;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Library;

/// <summary>An image to be saved under names; none for an image that has none.</summary>
internal sealed record SavedImage(ResolvedImage Image, IReadOnlyList<ImageReference> Names);

/// <summary>A file of an archive.</summary>
internal abstract record SavedFile(string Path);

internal sealed record SavedDocument(string Path, ReadOnlyMemory<byte> Content) : SavedFile(Path);

/// <summary>A blob as it is stored.</summary>
/// <param name="Size">Bytes.</param>
internal sealed record SavedBlob(string Path, Digest Blob, long Size) : SavedFile(Path);

/// <summary>The archive that is packed in a layer's blob.</summary>
internal sealed record SavedLayer(string Path, ResolvedLayer Layer) : SavedFile(Path);

/// <summary>
/// What stands in an image archive, in which order. Functions of the images: the same give the same files, in whatever order they were asked for.
/// A folder is a document whose path ends with a slash.
/// </summary>
internal static class SavePlan
{
    /// <summary>
    /// An image layout: every name is an entry of <c>index.json</c>, with the annotations that containerd (and docker) and that skopeo and podman read.
    /// Source: image-spec image-layout.md, annotations.md.
    /// </summary>
    public static List<SavedFile> OciArchive(IReadOnlyList<SavedImage> images)
    {
        SortedDictionary<string, SavedFile> blobs = new(StringComparer.Ordinal);
        List<OciDescriptor> entries = [];
        foreach (SavedImage saved in Ordered(images))
        {
            ResolvedImage image = saved.Image;
            Add(blobs, new SavedDocument(PathOf(image.ManifestDigest), image.Manifest));
            Add(blobs, new SavedDocument(PathOf(image.ConfigDigest), image.ConfigDocument));
            foreach (ResolvedLayer layer in image.Layers)
                Add(blobs, new SavedBlob(PathOf(layer.Blob), layer.Blob, layer.Size));
            (OciDescriptor descriptor, byte[]? envelope) = ImageEnvelope.Make(image);
            if (envelope is not null)
                Add(blobs, new SavedDocument(PathOf(Digest.Parse(descriptor.Digest!)), envelope));
            entries.AddRange(saved.Names.Count == 0 ? [descriptor] : saved.Names.Select(name => Named(descriptor, name)));
        }
        OciIndex index = new() { MediaType = MediaTypes.OciIndex, Manifests = entries };
        IEnumerable<string> folders = blobs.Keys.Select(path => path[..(path.LastIndexOf('/') + 1)]).Prepend("blobs/").Distinct(StringComparer.Ordinal);
        return
        [
            new SavedDocument("oci-layout", ContentStore.Marker.ToArray()),
            new SavedDocument("index.json", JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.OciIndex)),
            .. folders.Select(folder => new SavedDocument(folder, default)),
            .. blobs.Values,
        ];
    }

    /// <summary>
    /// A configuration and unpacked layers per image, and <c>manifest.json</c>, which names them; all of it under the digests of what is in it. The form has
    /// no place for a manifest, so the image gets another digest where it is loaded; its id stays.
    /// </summary>
    public static List<SavedFile> DockerArchive(IReadOnlyList<SavedImage> images)
    {
        SortedDictionary<string, SavedFile> files = new(StringComparer.Ordinal);
        List<DockerArchiveEntry> entries = [];
        foreach (SavedImage saved in Ordered(images))
        {
            string config = saved.Image.ConfigDigest.Hex + ".json";
            Add(files, new SavedDocument(config, saved.Image.ConfigDocument));
            foreach (ResolvedLayer layer in saved.Image.Layers)
                Add(files, new SavedLayer(NameOf(layer), layer));
            // Only tags: the form has no digests.
            string[] tags = [.. saved.Names.Where(name => name.Digest is null).Select(name => name.Canonical)];
            entries.Add(new DockerArchiveEntry { Config = config, RepoTags = tags, Layers = [.. saved.Image.Layers.Select(NameOf)] });
        }
        return [new SavedDocument("manifest.json", JsonSerializer.SerializeToUtf8Bytes([.. entries], OciJson.Default.DockerArchiveEntryArray)), .. files.Values];
    }

    private static IEnumerable<SavedImage> Ordered(IReadOnlyList<SavedImage> images) => images
        .Select(saved => saved with { Names = [.. saved.Names.DistinctBy(name => name.Canonical).OrderBy(name => name.Canonical, StringComparer.Ordinal)] })
        .OrderBy(saved => saved.Names.Count == 0)
        .ThenBy(saved => saved.Names.Count == 0 ? "" : saved.Names[0].Canonical, StringComparer.Ordinal)
        .ThenBy(saved => saved.Image.ConfigDigest.Hex, StringComparer.Ordinal);

    private static OciDescriptor Named(OciDescriptor descriptor, ImageReference name) => descriptor with
    {
        Annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [Archives.OciArchive.FullNameAnnotation] = name.Canonical,
            [Archives.OciArchive.RefNameAnnotation] = name.Canonical,
        },
    };

    private static void Add(SortedDictionary<string, SavedFile> files, SavedFile file) => files.TryAdd(file.Path, file);

    private static string PathOf(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    private static string NameOf(ResolvedLayer layer) => layer.DiffId.Hex + ".tar";
}
