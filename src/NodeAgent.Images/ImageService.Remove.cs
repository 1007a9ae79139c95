using System.Collections.Immutable;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images;

public sealed partial class ImageService
{
    private static readonly ImmutableDictionary<string, ImmutableArray<string>> Nobody = ImmutableDictionary<string, ImmutableArray<string>>.Empty;

    /// <remarks>A name takes itself away; an id takes all names of its image.</remarks>
    public async Task<bool> RemoveImageAsync(string reference, CancellationToken cancellationToken)
    {
        string? id = IsId(reference) ? Find(reference)?.Record.Id : null;
        string? name = IsId(reference) ? null : ImageReference.Parse(reference).Canonical;
        bool removed = false;
        await ChangeAsync(() => removed = RemoveNames(id, name, Nobody), cancellationToken);
        return removed;
    }

    public async Task<bool> RemoveAsync(string reference, IReadOnlyDictionary<string, ImmutableArray<string>> users, CancellationToken cancellationToken)
    {
        bool removed = false;
        await ChangeAsync(
            () =>
            {
                bool named = !IsId(reference) && ImageReference.TryParse(reference, out ImageReference parsed, out _) && _table.Find(parsed.Canonical) is not null;
                if (named)
                    removed = RemoveNames(null, ImageReference.Parse(reference).Canonical, users);
                else if (FindAny(reference) is { } image)
                    removed = RemoveNames(image.Record.Id, null, users);
                else
                    removed = RemoveUnreadable(reference);
            },
            cancellationToken);
        return removed;
    }

    /// <summary>An image whose documents cannot be read is in no table; its name goes all the same.</summary>
    private bool RemoveUnreadable(string reference) => ImageReference.TryParse(reference, out ImageReference name, out _) && RemoveNames(null, name.Canonical, Nobody);

    /// <summary>Within a change. False when nothing has this name or id.</summary>
    /// <param name="users">By image id, who keeps it from losing its last name.</param>
    private bool RemoveNames(string? id, string? name, IReadOnlyDictionary<string, ImmutableArray<string>> users)
    {
        ImageTable table = _table;
        bool Goes(OciDescriptor entry) => ImageTable.NameOf(entry) is { } entryName
            ? entryName.Canonical == name || IsSame(table, entryName, id) || IsByDigest(table, entryName, name)
            : id is not null && table.Find(id)?.Resolved.Descriptor.Digest == entry.Digest;

        List<OciDescriptor> kept = [.. _content.Index.Where(entry => !Goes(entry))];
        if (kept.Count == _content.Index.Count)
            return false;
        if (table.Find(id ?? name!) is { } image && users.TryGetValue(image.Record.Id, out ImmutableArray<string> pods) && pods.Length > 0
            && !kept.Exists(entry => IsEntryOf(table, entry, image)))
        {
            throw new ImageRefusedException(
                ImageRefusal.InUse,
                $"image {image.Record.Names.FirstOrDefault() ?? image.Record.Id} is used by {(pods.Length == 1 ? "pod" : "pods")} {string.Join(", ", pods)}; "
                + "delete what uses it first, or remove it with --force");
        }
        UpdateIndex(_ => kept);
        return true;
    }

    private static bool IsSame(ImageTable table, ImageReference entryName, string? id) =>
        id is not null && table.Find(entryName.Canonical)?.Record.Id == id;

    /// <summary>Whether a repository@digest means the image of this entry, which has a tag in that repository.</summary>
    private static bool IsByDigest(ImageTable table, ImageReference entryName, string? name) =>
        name is not null && name.StartsWith(entryName.Repository + "@", StringComparison.Ordinal) && table.Find(name) is { } image
        && table.Find(entryName.Canonical)?.Record.Id == image.Record.Id;
}
