using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;

namespace NodeAgent.Images;

public sealed partial class ImageService : IImageLibrary
{
    private const int FewestIdDigits = 4;

    public ValueTask<ImageRecord?> FindAsync(string reference, CancellationToken cancellationToken) => new(FindAny(reference)?.Record);

    public ValueTask<ImageDetails?> InspectAsync(string reference, CancellationToken cancellationToken) =>
        new(FindAny(reference) is { } image ? ImageInspection.Of(image) : null);

    public async Task<ImageRecord> TagAsync(string reference, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        List<ImageReference> targets = [.. names.Select(NewName).DistinctBy(name => name.Canonical)];
        ImageRecord? tagged = null;
        await ChangeAsync(
            () =>
            {
                StoredImage image = Existing(reference);
                OciDescriptor source = _content.Index.First(entry => IsEntryOf(_table, entry, image));
                PutEntries([.. targets.Select(name => ImageTable.Renamed(source, name))]);
                tagged = _table.Find(image.Record.Id)?.Record;
            },
            cancellationToken);
        return tagged ?? throw new ImageRefusedException(ImageRefusal.Damaged, $"image {reference} cannot be read any more; {Healing}");
    }

    /// <summary>Gives entries their place in the index, in that of others that had their names.</summary>
    private Task NameAsync(IReadOnlyList<OciDescriptor> entries, CancellationToken cancellationToken) =>
        ChangeAsync(() => PutEntries(entries), cancellationToken);

    /// <summary>Within a change.</summary>
    private void PutEntries(IReadOnlyList<OciDescriptor> entries)
    {
        HashSet<string> replaced = [.. entries.Select(entry => ImageTable.NameOf(entry)!.Value.Canonical)];
        UpdateIndex(index => [.. index.Where(entry => ImageTable.NameOf(entry) is not { } old || !replaced.Contains(old.Canonical)), .. entries]);
    }

    /// <summary>Throws <see cref="ImageException"/> with InvalidImageName, <see cref="ImageRefusedException"/> for a name with a digest.</summary>
    private static ImageReference NewName(string name)
    {
        ImageReference reference = ImageReference.Parse(name);
        return reference.Digest is null
            ? reference
            : throw new ImageRefusedException(ImageRefusal.Invalid, $"image name '{name}': a digest says what an image is and cannot be given to another; leave it out");
    }

    private StoredImage Existing(string reference) =>
        FindAny(reference) ?? throw new ImageRefusedException(ImageRefusal.NotFound, $"images \"{reference}\" not found");

    /// <summary>The image of a name, an id, or the first digits of one.</summary>
    private StoredImage? FindAny(string reference)
    {
        ImageTable table = Volatile.Read(ref _table);
        string digits = reference.StartsWith(Digest.Sha256 + ":", StringComparison.Ordinal) ? reference[(Digest.Sha256.Length + 1)..] : reference;
        bool perhapsId = digits.Length >= FewestIdDigits && !digits.AsSpan().ContainsAnyExcept("0123456789abcdef");
        if (table.Find(reference) is { } exact)
            return exact;
        if (!IsId(reference))
        {
            if (ImageReference.TryParse(reference, out ImageReference name, out _))
            {
                if (table.Find(name.Canonical) is { } named)
                    return named;
            }
            else if (!perhapsId)
            {
                ImageReference.Parse(reference);
            }
        }
        return perhapsId ? FindByDigits(table, digits) : null;
    }

    private static StoredImage? FindByDigits(ImageTable table, string digits)
    {
        List<StoredImage> fitting = [.. table.Images.Where(image => image.Resolved.ConfigDigest.Hex.StartsWith(digits, StringComparison.Ordinal))];
        if (fitting.Count <= 1)
            return fitting.FirstOrDefault();
        string some = string.Join(", ", fitting.Take(5).Select(image => $"{image.Record.Id} ({image.Record.Names.FirstOrDefault() ?? "no name"})"));
        throw new ImageRefusedException(ImageRefusal.Ambiguous, $"image id {digits} fits {fitting.Count} images: {some}; give more digits");
    }

    private static bool IsEntryOf(ImageTable table, OciDescriptor entry, StoredImage image) => ImageTable.NameOf(entry) is { } name
        ? table.Find(name.Canonical)?.Record.Id == image.Record.Id
        : image.Resolved.Descriptor.Digest == entry.Digest;
}
