using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Eviction;

/// <summary>
/// Which images may go to make room on a disk: those that no pod of this node names or runs, longest unused first. A fresh one is spared, for it may have been
/// brought in for a pod that is about to come.
/// </summary>
public static class UnusedImages
{
    public static readonly TimeSpan MinimumAge = TimeSpan.FromMinutes(2);

    /// <param name="inUse">Ids of images that pods name or run.</param>
    /// <param name="lastUsed">When each id was last in use, as far as that was seen.</param>
    public static IReadOnlyList<ImageRecord> Of(
        IEnumerable<ImageRecord> images, IReadOnlySet<string> inUse, IReadOnlyDictionary<string, DateTimeOffset> lastUsed, DateTimeOffset now) =>
    [
        .. from image in images
           where !inUse.Contains(image.Id)
           let used = lastUsed.TryGetValue(image.Id, out DateTimeOffset seen) && seen > image.LoadedAt ? seen : image.LoadedAt
           where now - used >= MinimumAge
           orderby used, image.Id
           select image,
    ];
}
