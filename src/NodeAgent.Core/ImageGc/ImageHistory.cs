using System.Collections.Immutable;
using NodeAgent.Core.Cri;

namespace NodeAgent.Core.ImageGc;

/// <summary>What was seen of one image. Steady time.</summary>
/// <param name="LastUsed">When it was in use at the last look that saw it so; null: never yet.</param>
public readonly record struct ImageSight(DateTimeOffset FirstSeen, DateTimeOffset? LastUsed);

/// <summary>
/// What the agent has seen of its images since its start, by image id. Nothing of it is kept over a restart, as on every node of a cluster: what came while no
/// agent looked, and what was used then, is not known, so all ages begin anew. Immutable.
/// </summary>
public sealed record ImageHistory(ImmutableDictionary<string, ImageSight> Seen)
{
    public static readonly ImageHistory Empty = new(ImmutableDictionary.Create<string, ImageSight>(StringComparer.Ordinal));

    /// <summary>One look at all images. What is gone is forgotten; should it come back, it is new.</summary>
    public ImageHistory Observe(IReadOnlyCollection<ImageRecord> images, IReadOnlySet<string> inUse, DateTimeOffset now)
    {
        var seen = Empty.Seen.ToBuilder();
        foreach (ImageRecord image in images)
        {
            ImageSight before = Seen.TryGetValue(image.Id, out ImageSight known) ? known : new ImageSight(now, null);
            seen[image.Id] = inUse.Contains(image.Id) ? before with { LastUsed = now } : before;
        }

        return new ImageHistory(seen.ToImmutable());
    }

    /// <summary>
    /// When an image became unused as far as anything tells: when it was seen in use last, else when it came. The latter is the wall clock's word; where that
    /// says a time that is still to come, for the clock has been set since, the first look counts.
    /// </summary>
    public DateTimeOffset UnusedSince(ImageRecord image, DateTimeOffset now)
    {
        ImageSight sight = Of(image, now);
        DateTimeOffset came = image.LoadedAt <= now ? image.LoadedAt : sight.FirstSeen;
        return sight.LastUsed is { } used && used > came ? used : came;
    }

    /// <summary>How long the agent itself has seen it unused: what happened before its start does not count.</summary>
    public TimeSpan SeenUnusedFor(ImageRecord image, DateTimeOffset now)
    {
        ImageSight sight = Of(image, now);
        return now - (sight.LastUsed ?? sight.FirstSeen);
    }

    private ImageSight Of(ImageRecord image, DateTimeOffset now) => Seen.TryGetValue(image.Id, out ImageSight sight) ? sight : new ImageSight(now, null);
}
