using NodeAgent.Core.Manifests;

namespace NodeAgent.Pods;

/// <summary>
/// The folder of manifests as the watcher and the deletion of pods need it. Implementations: the daemon's, on inotify(7), and the fake of the tests.
/// </summary>
/// <remarks>
/// A seam, because two things that matter cannot be had from the base class library: that a writer has closed the file (<see cref="FolderHintKind.Settled"/>;
/// a manifest cut short may well be valid), and opening a name that may turn out to be a FIFO without hanging.
/// </remarks>
public interface IManifestFolder
{
    /// <summary>Full path.</summary>
    string Path { get; }

    /// <summary>
    /// Sees to it that changes are hinted from now on, arming anew what was lost, then lists the entries that carry a manifest's name.
    /// </summary>
    /// <param name="hints">Called for every change, from any thread; must return at once.</param>
    FolderListing List(Action<FolderHint> hints);

    /// <summary>What there is now under a name; null when there is nothing.</summary>
    FolderEntry? Stat(string name);

    /// <summary>Reads a file. Never blocks on what is no regular file, never reads more than a manifest may have.</summary>
    ManifestRead Read(string name);

    /// <summary>
    /// Takes a file out of the folder: when this has returned <see cref="FileRemoval.Removed"/>, it does not come back after a crash of the machine either.
    /// A link is removed itself, not what it leads to.
    /// </summary>
    /// <param name="read">Of the content that the caller has seen; another content stays where it is.</param>
    /// <exception cref="IOException">It can't be removed, and stays.</exception>
    FileRemoval Remove(string name, FileStamp read);
}

public enum FileRemoval
{
    Removed,

    /// <summary>There is nothing under this name.</summary>
    Absent,

    /// <summary>There is another content now than the caller has seen; it stays.</summary>
    Changed,
}

/// <param name="Problem">Why the folder cannot be listed; the entries say nothing then. Null when they are complete.</param>
/// <param name="WatchProblem">Why changes will not be hinted; null when they will.</param>
public sealed record FolderListing(IReadOnlyList<FolderEntry> Entries, string? Problem, string? WatchProblem);

/// <param name="Stamp">Of what the name leads to; of the link itself if that leads nowhere.</param>
/// <param name="MayBeOpen">A regular file under its only name: whoever has just made it may have it open. False for links, directories and special files.</param>
public sealed record FolderEntry(string Name, FileStamp Stamp, bool MayBeOpen);

/// <summary>Two different contents of one name never have the same stamp. Times are nanoseconds since 1970.</summary>
public readonly record struct FileStamp(ulong Device, ulong Inode, ulong Size, long ModifiedAt, long ChangedAt);

/// <summary>
/// Exactly one of: <see cref="Content"/>, <see cref="Fault"/>, <see cref="Vanished"/>, <see cref="Moving"/>.
/// </summary>
public sealed record ManifestRead(FileStamp Stamp)
{
    public ReadOnlyMemory<byte>? Content { get; init; }
    public ManifestError? Fault { get; init; }

    /// <summary>There is nothing under this name any more.</summary>
    public bool Vanished { get; init; }

    /// <summary>It changed while it was read.</summary>
    public bool Moving { get; init; }
}

public enum FolderHintKind
{
    /// <summary>Complete under its name: closed by its writer, or renamed to it.</summary>
    Settled,

    /// <summary>New: a file, that its creator may have open, or something that nobody writes to.</summary>
    Created,

    /// <summary>Written to; its writer has yet to close it.</summary>
    Modified,

    /// <summary>Owner, mode, times or links changed.</summary>
    Attributes,

    /// <summary>Deleted or renamed away.</summary>
    Gone,

    /// <summary>Hints were lost, or the folder itself went.</summary>
    Lost,
}

/// <param name="Cookie">The same on the two ends of one rename; 0 when it is no rename.</param>
public readonly record struct FolderHint(FolderHintKind Kind, string Name, uint Cookie);
