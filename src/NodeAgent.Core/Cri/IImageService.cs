namespace NodeAgent.Core.Cri;

/// <summary>
/// Images on this node. Implementations: NodeAgent.Images and the behavioural fake of the tests; both pass the same contract suite.
/// A reference is what a manifest says (<c>busybox</c>, <c>localhost/web:1</c>, <c>host:5000/a@sha256:…</c>), normalised by the implementation.
/// </summary>
public interface IImageService
{
    /// <summary>The image a reference or an image id names, or null when the node does not have it. Throws <see cref="ImageException"/> with InvalidImageName.</summary>
    ValueTask<ImageRecord?> ImageStatusAsync(string reference, CancellationToken cancellationToken);

    /// <summary>All images, ordered by name.</summary>
    ValueTask<IReadOnlyList<ImageRecord>> ListImagesAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Asks the registry what the reference stands for now, and brings onto the node what of it is not there yet. Single flight per reference.
    /// Throws <see cref="ImageException"/>.
    /// </summary>
    /// <param name="progress">Told when something has moved, at most some times a second.</param>
    Task<ImageRecord> PullImageAsync(string reference, IProgress<PullStatus>? progress, CancellationToken cancellationToken);

    /// <summary>
    /// Reads an OCI image layout (folder or tar) or a docker-archive from a path on the node. All or nothing: a load cut short leaves no trace.
    /// </summary>
    /// <param name="name">Gives the image this name when the archive carries none, or when it has exactly one image; null keeps the archive's names.</param>
    Task<IReadOnlyList<ImageRecord>> LoadAsync(string path, string? name, CancellationToken cancellationToken);

    /// <summary>Untags; the content goes when the last name goes. Removing what is not there is no error and returns false.</summary>
    Task<bool> RemoveImageAsync(string reference, CancellationToken cancellationToken);

    /// <summary>What all images take on disk. May wait until layers that came just now are measured; never walks what was measured before.</summary>
    Task<ImageFsInfo> ImageFsInfoAsync(CancellationToken cancellationToken);
}

/// <summary>What images take on disk, in bytes. A blob or layer that several images share is counted once.</summary>
/// <param name="ContentBytes">Compressed content in the store.</param>
/// <param name="UnpackedBytes">Unpacked layers, as blocks on disk.</param>
/// <param name="FreedBytes">What removals have given back of both since the agent's start; only grows.</param>
/// <param name="Unpacked">
/// By image id, the bytes of the unpacked layers that it stands on, those included that others stand on too. An image is absent while one of its layers is not
/// unpacked or could not be measured.
/// </param>
public sealed record ImageFsInfo(long ContentBytes, long UnpackedBytes, long FreedBytes, IReadOnlyDictionary<string, long> Unpacked);

/// <summary>
/// Writable root filesystems made of an image's layers, one per container run, named by a key of the caller's (the container id).
/// Every verb is idempotent.
/// </summary>
public interface ISnapshotter
{
    /// <summary>Unpacks what is not unpacked yet and prepares a writable snapshot over the image's layers. The same key gives the same answer.</summary>
    Task<Mount> PrepareAsync(string key, ImageRecord image, CancellationToken cancellationToken);

    /// <summary>Removes a snapshot and what the container wrote. An unknown key is no error.</summary>
    Task RemoveAsync(string key, CancellationToken cancellationToken);

    /// <summary>Returns when the disk has back what was removed before: a removal only moves things out of sight, the deletion may take its time.</summary>
    Task WaitForDeletionsAsync(CancellationToken cancellationToken);

    /// <summary>The keys of all snapshots there are; the orphan clean-up compares them with the containers there are.</summary>
    ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>What is written into all snapshots together, in bytes on disk. Walks them: for who asks now and then, never on the way to a container.</summary>
    Task<long> WrittenBytesAsync(CancellationToken cancellationToken);
}

/// <summary>An image that is complete on this node.</summary>
/// <param name="Id">Digest of the image configuration, <c>sha256:…</c>.</param>
/// <param name="Names">All names with tag, normalised (<c>docker.io/library/busybox:latest</c>), ordered.</param>
/// <param name="Digest">Digest of the manifest for this platform, <c>sha256:…</c>.</param>
/// <param name="SizeBytes">Bytes of the compressed content in the store.</param>
/// <param name="DiffIds">Uncompressed layer digests, lowest first.</param>
public sealed record ImageRecord(
    string Id,
    IReadOnlyList<string> Names,
    string Digest,
    long SizeBytes,
    IReadOnlyList<string> DiffIds,
    ImageConfig Config,
    DateTimeOffset LoadedAt)
{
    /// <summary>The digest that a registry gave for a name of this image: of an index, or of the manifest itself. Null for one that came from a file.</summary>
    public string? RegistryDigest { get; init; }

    /// <summary>The node's configuration keeps it: it is never removed to make room.</summary>
    public bool Pinned { get; init; }
}

/// <summary>The part of the OCI image configuration that a container inherits. Source: image-spec config.md.</summary>
public sealed record ImageConfig
{
    public IReadOnlyList<string> Entrypoint { get; init; } = [];
    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary><c>NAME=value</c>, in order.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];
    public string WorkingDir { get; init; } = "";

    /// <summary><c>user</c>, <c>uid</c>, <c>user:group</c> or <c>uid:gid</c>; names are looked up in the image's own passwd and group files.</summary>
    public string User { get; init; } = "";
    public string? StopSignal { get; init; }

    /// <summary>Absolute paths that get an anonymous volume of their own unless the manifest mounts something there.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
    public string Architecture { get; init; } = "";
    public string Os { get; init; } = "";
}

/// <summary>Why an image cannot be had. The names are the waiting reasons that a container's status shows.</summary>
public enum ImageFailure
{
    InvalidImageName,
    ErrImagePull,
    ErrImageNeverPull,
    ImageInspectError,
    RegistryUnavailable,
}

/// <summary>An image verb that failed; <see cref="Exception.Message"/> names the image, the step and the cause.</summary>
public sealed class ImageException(ImageFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public ImageFailure Failure { get; } = failure;
}
