using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;

namespace NodeAgent.Images;

public sealed partial class ImageService
{
    public async Task SaveAsync(IReadOnlyList<string> references, ImageArchiveFormat format, Stream output, CancellationToken cancellationToken)
    {
        List<SavedImage> images = ChooseSaved(references);
        ImageArchiveWriter writer = new(_content, format == ImageArchiveFormat.DockerArchive ? SavePlan.DockerArchive(images) : SavePlan.OciArchive(images));
        using ContentLease lease = _content.NewLease();
        try
        {
            await writer.PrepareAsync(lease, cancellationToken);
            await writer.WriteAsync(output, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            throw new ImageRefusedException(ImageRefusal.Damaged, $"save {string.Join(", ", references)}: {e.Message}; podctl image verify tells what is damaged", e);
        }
    }

    /// <summary>Each image once, with all the names that it was asked for by.</summary>
    private List<SavedImage> ChooseSaved(IReadOnlyList<string> references)
    {
        Dictionary<string, SavedImage> chosen = new(StringComparer.Ordinal);
        foreach (string reference in references)
        {
            StoredImage image = Existing(reference);
            SavedImage earlier = chosen.GetValueOrDefault(image.Record.Id, new SavedImage(image.Resolved, []));
            chosen[image.Record.Id] = earlier with { Names = [.. earlier.Names, .. SavedNames(image, reference)] };
        }
        return [.. chosen.Values];
    }

    /// <summary>The name that was asked for; in its place, for an id all names, and for a digest those in its repository.</summary>
    private List<ImageReference> SavedNames(StoredImage image, string reference)
    {
        List<ImageReference> names = [.. image.Record.Names.Select(ImageReference.Parse)];
        if (!ImageReference.TryParse(reference, out ImageReference asked, out _) || Volatile.Read(ref _table).Find(asked.Canonical) != image)
            return names;
        if (asked.Digest is null)
            return [asked];
        List<ImageReference> tagged = names.FindAll(name => name.Repository == asked.Repository);
        return tagged.Count > 0 ? tagged : [asked];
    }
}
