using System.Collections.Frozen;
using System.Globalization;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Archives;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images;

/// <summary>An image with what the agent needs to know of it beyond its record.</summary>
internal sealed record StoredImage(ImageRecord Record, ResolvedImage Resolved);

/// <summary>
/// The images of the store's index in memory, for readers without locks: built anew at every change, never changed. Entries that cannot be read are
/// left out with a word in the log; they stay in the index, so that what they name is not swept away.
/// </summary>
internal sealed partial class ImageTable
{
    private readonly FrozenDictionary<string, StoredImage> _byKey;

    private readonly Dictionary<string, ResolvedImage> _resolved;
    private readonly HashSet<string> _unreadable;

    private ImageTable(
        IReadOnlyList<StoredImage> images, FrozenDictionary<string, StoredImage> byKey, Dictionary<string, ResolvedImage> resolved, HashSet<string> unreadable)
    {
        _resolved = resolved;
        _unreadable = unreadable;
        Images = images;
        Records = [.. images.Select(image => image.Record)];
        _byKey = byKey;
    }

    public static ImageTable Empty { get; } = new([], FrozenDictionary<string, StoredImage>.Empty, [], []);

    /// <summary>Ordered by first name; those without one last.</summary>
    public IReadOnlyList<StoredImage> Images { get; }

    public IReadOnlyList<ImageRecord> Records { get; }

    /// <summary>The image under an id, with or without its algorithm, or under the canonical form of a reference.</summary>
    public StoredImage? Find(string key) => _byKey.GetValueOrDefault(key);

    /// <param name="known">What an earlier table resolved is resolved: documents are immutable.</param>
    public static ImageTable Build(
        IReadOnlyList<OciDescriptor> index, NodePlatform platform, Func<Digest, byte[]> read, ImageTable known, PinnedNames pinned, ILogger logger)
    {
        // By the digest of the entry, which may be that of an index around the manifest.
        Dictionary<string, ResolvedImage> resolved = new(StringComparer.Ordinal);
        List<(OciDescriptor Entry, ResolvedImage Image)> entries = [];
        HashSet<string> unreadable = new(StringComparer.Ordinal);
        foreach (OciDescriptor entry in index)
        {
            try
            {
                string key = entry.Digest ?? "";
                if (!resolved.TryGetValue(key, out ResolvedImage? image))
                    resolved[key] = image = known._resolved.GetValueOrDefault(key) ?? ResolvedImage.Resolve(entry, platform, read);
                entries.Add((entry, image));
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                string digest = entry.Digest ?? "(no digest)";
                if (unreadable.Add(digest) && !known._unreadable.Contains(digest))
                    LogUnreadable(logger, NameOf(entry)?.ToString() ?? "(no name)", digest, e.Message);
            }
        }
        return Of(entries, resolved, unreadable, pinned);
    }

    private static ImageTable Of(
        List<(OciDescriptor Entry, ResolvedImage Image)> entries, Dictionary<string, ResolvedImage> resolved, HashSet<string> unreadable, PinnedNames pinned)
    {
        List<StoredImage> images = [];
        Dictionary<string, StoredImage> byKey = new(StringComparer.Ordinal);
        foreach (IGrouping<Digest, (OciDescriptor Entry, ResolvedImage Image)> group in entries.GroupBy(entry => entry.Image.ConfigDigest))
        {
            List<ImageReference> names = [.. group.Select(entry => NameOf(entry.Entry)).OfType<ImageReference>()];
            string[] keys = [.. KeysOf(names, group)];
            string? registryDigest = group.Select(entry => RegistryDigestOf(entry.Entry)).FirstOrDefault(digest => digest is not null)?.ToString();
            ImageRecord record = ToRecord(group.First().Image, names, group.Min(entry => LoadedAt(entry.Entry)));
            StoredImage image = new(record with { RegistryDigest = registryDigest, Pinned = keys.Any(pinned.Matches) }, group.First().Image);
            images.Add(image);
            byKey[image.Record.Id] = image;
            byKey[image.Resolved.ConfigDigest.Hex] = image;
            foreach (string key in keys)
                byKey[key] = image;
        }
        images.Sort((a, b) => CompareNames(a.Record, b.Record));
        return new ImageTable(images, byKey.ToFrozenDictionary(StringComparer.Ordinal), resolved, unreadable);
    }

    /// <summary>The names of an image, and its digests in the repositories of its names.</summary>
    private static IEnumerable<string> KeysOf(IEnumerable<ImageReference> names, IEnumerable<(OciDescriptor Entry, ResolvedImage Image)> entries)
    {
        foreach (ImageReference name in names)
        {
            yield return name.Canonical;
            foreach ((OciDescriptor entry, ResolvedImage image) in entries)
            {
                yield return $"{name.Repository}@{image.ManifestDigest}";
                if (RegistryDigestOf(entry) is { } digest)
                    yield return $"{name.Repository}@{digest}";
            }
        }
    }

    private static ImageRecord ToRecord(ResolvedImage image, List<ImageReference> names, DateTimeOffset loadedAt) => new(
        image.ConfigDigest.ToString(),
        [.. names.Where(name => name.Digest is null).Select(name => name.Canonical).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
        image.ManifestDigest.ToString(),
        image.SizeBytes,
        [.. image.Layers.Select(layer => layer.DiffId.ToString())],
        image.Config.ToImageConfig(),
        loadedAt);

    private static int CompareNames(ImageRecord a, ImageRecord b)
    {
        int nameless = (a.Names.Count == 0).CompareTo(b.Names.Count == 0);
        return nameless != 0 ? nameless : string.CompareOrdinal(a.Names.Count == 0 ? a.Id : a.Names[0], b.Names.Count == 0 ? b.Id : b.Names[0]);
    }

    /// <summary>The reference of an index entry; null for one without, or with one that is no reference.</summary>
    public static ImageReference? NameOf(OciDescriptor entry) =>
        OciArchive.NameOf(entry).Name is { } name && ImageReference.TryParse(name, out ImageReference reference, out _) ? reference : null;

    private static DateTimeOffset LoadedAt(OciDescriptor entry) =>
        DateTimeOffset.TryParse(
            entry.Annotations?.GetValueOrDefault(LoadedAtAnnotation), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUniversalTime()
            : DateTimeOffset.UnixEpoch;

    public const string LoadedAtAnnotation = "io.podagent.image.loaded-at";

    private const string RegistryDigestAnnotation = "io.podagent.image.registry-digest";

    /// <summary>What the registry said the entry's name stands for; null for an image that came from a file.</summary>
    public static Digest? RegistryDigestOf(OciDescriptor entry) =>
        Digest.TryParse(entry.Annotations?.GetValueOrDefault(RegistryDigestAnnotation), out Digest digest) ? digest : null;

    /// <summary>RFC 3339 in UTC, as documents of images have times.</summary>
    public static string Timestamp(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>An entry of the index for one name of an image. The name stands twice, for the tools that read either annotation.</summary>
    /// <param name="descriptor">Of the image's manifest, or of an index around it.</param>
    /// <param name="registryDigest">What a registry gave for the name; null when it comes from a file.</param>
    public static OciDescriptor ToEntry(OciDescriptor descriptor, ImageReference name, DateTimeOffset loadedAt, Digest? registryDigest = null)
    {
        Dictionary<string, string> annotations = new(StringComparer.Ordinal)
        {
            [OciArchive.RefNameAnnotation] = name.Canonical,
            [OciArchive.FullNameAnnotation] = name.Canonical,
            [LoadedAtAnnotation] = Timestamp(loadedAt),
        };
        if (registryDigest is { } digest)
            annotations[RegistryDigestAnnotation] = digest.ToString();
        return descriptor with { Annotations = annotations };
    }

    /// <summary>An entry for another name of the image that an entry names; what else it says stays, but that a registry has given the name.</summary>
    public static OciDescriptor Renamed(OciDescriptor entry, ImageReference name)
    {
        Dictionary<string, string> annotations = new(entry.Annotations ?? [], StringComparer.Ordinal)
        {
            [OciArchive.RefNameAnnotation] = name.Canonical,
            [OciArchive.FullNameAnnotation] = name.Canonical,
        };
        annotations.Remove(RegistryDigestAnnotation);
        return entry with { Annotations = annotations };
    }

    [LoggerMessage(3020, LogLevel.Error, "image {Name} ({Digest}) cannot be used: {Problem}")]
    private static partial void LogUnreadable(ILogger logger, string name, string digest, string problem);
}
