using NodeAgent.Core.Cri;

namespace NodeAgent.Core.ImageGc;

/// <summary>
/// Which images may go, the first one first. Functions of their arguments.
///
/// | an image                                             | goes |
/// | that a pod names or a container has                  | never |
/// | that is pinned                                       | never |
/// | unused, came or was used less than the minimum age ago | not yet |
/// | unused, otherwise                                    | for room, longest unused first |
/// | seen unused for longer than the maximum age          | in any case |
/// </summary>
public static class UnusedImages
{
    /// <summary>To make room on a disk.</summary>
    /// <param name="inUse">Ids of images that pods name or containers have.</param>
    public static IReadOnlyList<ImageRecord> ForRoom(
        IEnumerable<ImageRecord> images, IReadOnlySet<string> inUse, ImageHistory history, TimeSpan minimumAge, DateTimeOffset now) =>
    [
        .. from image in Free(images, inUse)
           let since = history.UnusedSince(image, now)
           where now - since >= minimumAge
           orderby since, image.Id
           select image,
    ];

    /// <summary>Because of their age alone.</summary>
    /// <param name="maximumAge">Zero: none goes.</param>
    public static IReadOnlyList<ImageRecord> Expired(
        IEnumerable<ImageRecord> images, IReadOnlySet<string> inUse, ImageHistory history, TimeSpan maximumAge, DateTimeOffset now) =>
    [
        .. from image in Free(images, inUse)
           where maximumAge > TimeSpan.Zero && history.SeenUnusedFor(image, now) > maximumAge
           orderby history.UnusedSince(image, now), image.Id
           select image,
    ];

    /// <summary>Because somebody asks for it: all that nobody uses, or those of them that have no tag left.</summary>
    public static IReadOnlyList<ImageRecord> ForPrune(IEnumerable<ImageRecord> images, IReadOnlySet<string> inUse, bool all) =>
        [.. Free(images, inUse).Where(image => all || image.Names.Count == 0)];

    private static IEnumerable<ImageRecord> Free(IEnumerable<ImageRecord> images, IReadOnlySet<string> inUse) =>
        images.Where(image => !image.Pinned && !inUse.Contains(image.Id));
}
