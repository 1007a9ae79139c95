using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Library;

/// <summary>
/// Follows every entry of an index to the blobs that its image needs on this node, and notes what does not fit together: blobs that are missing or of another
/// size than announced, documents that say nothing sensible. Contents of blobs are not its business; a document that is damaged is for who reads all blobs.
/// Not thread-safe.
/// </summary>
/// <param name="sizeOf">Bytes of a blob, null when it is not there.</param>
/// <param name="read">A document with the digest asked for, null when it cannot be had.</param>
internal sealed class StoreWalk(NodePlatform platform, Func<Digest, long?> sizeOf, Func<Digest, byte[]?> read)
{
    private const int MaxDepth = 8;

    private readonly Dictionary<Digest, SortedSet<string>> _users = [];
    private readonly Dictionary<(Digest?, ImageFault, string), SortedSet<string>> _faults = [];

    /// <summary>Names of the images that need a blob.</summary>
    public IReadOnlyList<string> UsersOf(Digest digest) => [.. _users.GetValueOrDefault(digest, [])];

    public IEnumerable<ImageFinding> Findings => _faults.Select(fault => new ImageFinding(
        fault.Key.Item2, [.. fault.Value], fault.Key.Item1?.ToString(), fault.Key.Item3, RemedyOf(fault.Key.Item2, fault.Value)));

    public void Follow(OciDescriptor entry)
    {
        string name = ImageTable.NameOf(entry)?.Canonical ?? entry.Digest ?? "(no name)";
        int faults = _faults.Count;
        bool whole = FollowManifest(entry, name, 0);
        // What the parts do not show, the image as a whole may.
        if (!whole || faults != _faults.Count)
            return;
        try
        {
            ResolvedImage.Resolve(entry, platform, digest => read(digest) ?? throw new InvalidDataException($"blob {digest} is missing"));
        }
        catch (InvalidDataException e)
        {
            Add(Digest.TryParse(entry.Digest, out Digest digest) ? digest : null, ImageFault.Document, e.Message, name);
        }
    }

    /// <summary>False where a document is missing or damaged and nothing more can be said.</summary>
    private bool FollowManifest(OciDescriptor descriptor, string name, int depth)
    {
        if (depth == MaxDepth || Need(descriptor, "manifest", name) is not { } digest)
            return false;
        if (read(digest) is not { } document)
            return false;
        try
        {
            if (MediaTypes.IsIndex(ResolvedImage.MediaTypeOf(descriptor, document)))
                return FollowManifest(platform.Choose(ResolvedImage.Parse(document, OciJson.Default.OciIndex, "index").Manifests ?? []), name, depth + 1);
            OciManifest manifest = ResolvedImage.Parse(document, OciJson.Default.OciManifest, "manifest");
            bool whole = manifest.Config is { } config && Need(config, "configuration", name) is { } configDigest && read(configDigest) is not null;
            foreach (OciDescriptor layer in manifest.Layers ?? [])
                whole &= Need(layer, "layer", name) is not null;
            return whole || manifest.Config is null;
        }
        catch (InvalidDataException e)
        {
            Add(digest, ImageFault.Document, e.Message, name);
            return false;
        }
    }

    /// <summary>The digest of a blob that is there; null after a word about why not.</summary>
    private Digest? Need(OciDescriptor descriptor, string what, string name)
    {
        Digest digest;
        try
        {
            digest = ResolvedImage.DigestOf(descriptor, what);
        }
        catch (InvalidDataException e)
        {
            Add(null, ImageFault.Document, e.Message, name);
            return null;
        }
        if (!_users.TryGetValue(digest, out SortedSet<string>? users))
            _users[digest] = users = new SortedSet<string>(StringComparer.Ordinal);
        users.Add(name);
        if (sizeOf(digest) is not { } size)
        {
            Add(digest, ImageFault.Missing, $"its {what} is missing", name);
            return null;
        }
        if (size != descriptor.Size)
            Add(digest, ImageFault.Size, $"its {what} has {size} bytes, {descriptor.Size} are announced", name);
        return digest;
    }

    private void Add(Digest? digest, ImageFault fault, string problem, string name)
    {
        if (!_faults.TryGetValue((digest, fault, problem), out SortedSet<string>? names))
            _faults[(digest, fault, problem)] = names = new SortedSet<string>(StringComparer.Ordinal);
        names.Add(name);
    }

    private static string RemedyOf(ImageFault fault, IEnumerable<string> names) => fault == ImageFault.Missing
        ? "pull or load the image again"
        : $"podctl image rm {string.Join(' ', names)}, then pull or load the image again";
}
