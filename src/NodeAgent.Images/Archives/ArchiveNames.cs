using NodeAgent.Core.Cri;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Archives;

/// <summary>Which names the images of an archive get.</summary>
internal static class ArchiveNames
{
    /// <summary>
    /// One list of references per image, none of them empty. Throws <see cref="ImageException"/> with InvalidImageName, and
    /// <see cref="InvalidDataException"/> when an image would be left without a name.
    /// </summary>
    /// <param name="name">
    /// Asked for by the user. It becomes the name of the archive's only image, else of the only one that has none; where the images have bare tags,
    /// it is the repository that they belong to.
    /// </param>
    public static List<IReadOnlyList<ImageReference>> Assign(IReadOnlyList<ArchivedImage> images, string? name)
    {
        if (images.Count == 0)
            throw new InvalidDataException("there is no image in it");
        List<IReadOnlyList<ImageReference>> names = [.. images.Select(image => (IReadOnlyList<ImageReference>)[.. image.Names.Select(ImageReference.Parse)])];
        if (name is not null)
            Apply(ImageReference.Parse(name), HasTag(name), images, names);
        for (int i = 0; i < images.Count; i++)
        {
            if (names[i].Count > 0)
                continue;
            string which = images.Count == 1 ? "the image in it" : $"image {i + 1} of {images.Count} in it";
            string tagged = images[i].BareTag is { } tag ? $" but the tag '{tag}'" : "";
            throw new InvalidDataException($"{which} has no name{tagged}; give one with --name");
        }
        return names;
    }

    private static void Apply(
        ImageReference name, bool tagged, IReadOnlyList<ArchivedImage> images, List<IReadOnlyList<ImageReference>> names)
    {
        if (images.Count == 1)
        {
            names[0] = [name];
            return;
        }
        int[] nameless = [.. Enumerable.Range(0, images.Count).Where(i => names[i].Count == 0)];
        if (!tagged && nameless.Length > 0 && nameless.All(i => images[i].BareTag is not null))
        {
            foreach (int i in nameless)
                names[i] = [ImageReference.Parse($"{name.Repository}:{images[i].BareTag}")];
        }
        else if (nameless.Length == 1)
        {
            names[nameless[0]] = [name];
        }
        else
        {
            throw new InvalidDataException($"{images.Count} images are in it: one name does not fit them");
        }
    }

    private static bool HasTag(string name) =>
        name.Contains('@', StringComparison.Ordinal) || name.LastIndexOf(':') > name.LastIndexOf('/');
}
