using System.Collections.Immutable;

namespace NodeAgent.Core.Cri;

/// <summary>
/// What people do with the images of a node beyond running them: look into them, name them, make them, take them elsewhere, check them.
/// Only the API calls this; pods see <see cref="IImageService"/>. Implementations: NodeAgent.Images and a fake of the tests.
/// <para>
/// A reference is a name as in <see cref="IImageService"/>, an image id, or the first four or more hexadecimal digits of one. A name wins over digits that read
/// like it. Digits that fit several images are refused with <see cref="ImageRefusal.Ambiguous"/>.
/// </para>
/// Every verb throws <see cref="ImageException"/> with InvalidImageName for what can be no reference, and <see cref="ImageRefusedException"/> with the reason
/// where it refuses.
/// </summary>
public interface IImageLibrary
{
    /// <summary>The image that a reference means, or null.</summary>
    ValueTask<ImageRecord?> FindAsync(string reference, CancellationToken cancellationToken);

    /// <summary>All there is to know of an image, or null.</summary>
    ValueTask<ImageDetails?> InspectAsync(string reference, CancellationToken cancellationToken);

    /// <summary>Gives an image further names; a name that another image has moves. All or nothing.</summary>
    /// <param name="names">At least one, with tag or without (<c>latest</c>), none with a digest.</param>
    Task<ImageRecord> TagAsync(string reference, IReadOnlyList<string> names, CancellationToken cancellationToken);

    /// <summary>
    /// Removes a name, or all names of the image whose id is given; the content goes with the last name. False when there is no such image.
    /// Refused with <see cref="ImageRefusal.InUse"/> when somebody uses the image and this would take its last name.
    /// </summary>
    /// <param name="users">By image id, the pods that use it. Empty to remove in any case: containers keep the layers that they stand on.</param>
    Task<bool> RemoveAsync(string reference, IReadOnlyDictionary<string, ImmutableArray<string>> users, CancellationToken cancellationToken);

    /// <summary>
    /// Makes an image of one layer from an archive of a root filesystem: a tar file, plain or packed with gzip or zstd. All or nothing.
    /// Throws <see cref="ImageException"/> when the archive cannot be unpacked.
    /// </summary>
    /// <param name="path">A file on the node.</param>
    Task<ImageRecord> ImportAsync(string path, string name, ImageImport options, CancellationToken cancellationToken);

    /// <summary>
    /// Writes images as one archive. Everything that can be refused is refused before the first byte is written; a failure after that leaves the
    /// archive without its end. The same images give the same bytes. An image is written under the name that it was asked for by; asked for by id,
    /// under all its names.
    /// </summary>
    Task SaveAsync(IReadOnlyList<string> references, ImageArchiveFormat format, Stream output, CancellationToken cancellationToken);

    /// <summary>
    /// Reads everything that is stored and compares it with its digests. What is damaged is set aside, so that a pull or a load of the image brings it anew;
    /// containers and unpacked layers are not touched. Loads, pulls and starts go on meanwhile.
    /// </summary>
    Task<ImageVerification> VerifyAsync(CancellationToken cancellationToken);
}

/// <summary>Why a verb of <see cref="IImageLibrary"/> was refused.</summary>
public enum ImageRefusal
{
    NotFound,

    /// <summary>The first digits of an id fit several images.</summary>
    Ambiguous,

    /// <summary>A pod needs the image.</summary>
    InUse,

    /// <summary>An argument means nothing: a change that is none, a new name with a digest.</summary>
    Invalid,

    /// <summary>The image is stored incompletely or damaged.</summary>
    Damaged,
}

/// <summary>A verb that was refused; nothing has changed. <see cref="Exception.Message"/> names the image and says what to do.</summary>
public sealed class ImageRefusedException(ImageRefusal refusal, string message, Exception? inner = null) : Exception(message, inner)
{
    public ImageRefusal Refusal { get; } = refusal;
}

public enum ImageArchiveFormat
{
    /// <summary>An OCI image layout in a tar file. Source: image-spec image-layout.md.</summary>
    OciArchive,

    /// <summary>What <c>docker save</c> wrote before it wrote image layouts: <c>manifest.json</c>, configurations, unpacked layers.</summary>
    DockerArchive,
}

/// <summary>How an imported image is to be run.</summary>
/// <param name="Changes">Instructions of a Dockerfile, in order: <c>CMD ["sh"]</c>. See the manual page podctl(1) for which.</param>
/// <param name="Message">A comment for the image's history.</param>
public sealed record ImageImport(IReadOnlyList<string> Changes, string? Message)
{
    public static ImageImport Plain { get; } = new([], null);
}

/// <summary>An image with everything its documents say.</summary>
/// <param name="RepoDigests"><c>repository@digest</c> for every repository that it has a name in.</param>
/// <param name="Created">Null when the configuration does not say, or not in a form that can be read.</param>
/// <param name="Configuration">The image's configuration as it is stored: a JSON document. Source: image-spec config.md.</param>
/// <param name="Layers">Lowest first.</param>
/// <param name="History">Oldest first.</param>
public sealed record ImageDetails(
    ImageRecord Record,
    IReadOnlyList<string> RepoDigests,
    DateTimeOffset? Created,
    string Author,
    string Variant,
    string ManifestMediaType,
    ReadOnlyMemory<byte> Configuration,
    IReadOnlyList<ImageLayer> Layers,
    IReadOnlyList<ImageHistoryEntry> History);

/// <param name="Digest">Of the blob as it is stored.</param>
/// <param name="DiffId">Of the archive in it.</param>
/// <param name="SizeBytes">Of the blob.</param>
public sealed record ImageLayer(string Digest, string DiffId, long SizeBytes, string MediaType);

/// <summary>One step of how an image was made.</summary>
/// <param name="Layer">Digest of the blob of the layer that it made; null when it made none.</param>
/// <param name="SizeBytes">Of that blob.</param>
public sealed record ImageHistoryEntry(DateTimeOffset? Created, string CreatedBy, string Author, string Comment, string? Layer, long SizeBytes);

/// <summary>What <see cref="IImageLibrary.VerifyAsync"/> has seen and found.</summary>
/// <param name="Bytes">That were read.</param>
public sealed record ImageVerification(int Images, int Blobs, long Bytes, IReadOnlyList<ImageFinding> Findings);

public enum ImageFault
{
    /// <summary><c>oci-layout</c> or <c>index.json</c> is not what the agent wrote.</summary>
    Layout,

    /// <summary>A blob that an image needs is not there.</summary>
    Missing,

    /// <summary>A blob's content has another digest than its name, or cannot be read.</summary>
    Damaged,

    /// <summary>A blob has another size than the document says that names it.</summary>
    Size,

    /// <summary>A manifest, index or configuration that says nothing sensible.</summary>
    Document,
}

/// <param name="Images">Names of the images that it concerns, an id where there is no name; none for content that no image needs.</param>
/// <param name="Digest">Of the blob, null where none is meant.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Remedy">What was done about it, or is to be done.</param>
public sealed record ImageFinding(ImageFault Fault, IReadOnlyList<string> Images, string? Digest, string Problem, string Remedy);
