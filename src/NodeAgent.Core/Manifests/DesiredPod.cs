using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>Where pods come from. The kinds to come (an API call, a cluster's API server) join files here.</summary>
public enum PodSourceKind
{
    File,
}

/// <summary>The origin of a pod; <paramref name="Name"/> is the file's path as the watcher gives it.</summary>
public readonly record struct PodSource(PodSourceKind Kind, string Name)
{
    public static PodSource OfFile(string path) => new(PodSourceKind.File, path);

    /// <summary>What the annotation kubernetes.io/config.source says.</summary>
    public string Annotation => Kind.ToString().ToLowerInvariant();
}

/// <summary>
/// A pod that should run: valid, defaulted, with its UID and node filled in. The UID changes when the wish does, but for the resources that a pod
/// can change while it runs; so two values are equal when their UIDs and those are.
/// </summary>
public sealed record DesiredPod(Pod Pod, string Uid, PodSource Source)
{
    public PodName Name => PodName.Of(Pod);

    public bool Equals(DesiredPod? other) =>
        other is not null && Uid == other.Uid && Source == other.Source && ResizableResources.Same(Pod, other.Pod);

    public override int GetHashCode() => Uid.GetHashCode(StringComparison.Ordinal);
}

/// <summary>What an <c>Apply</c> changed about one name: added (no before), removed (no after), replaced by another UID, or resized under the same UID.</summary>
public sealed record DesiredPodChange(PodName Name, DesiredPod? Before, DesiredPod? After);

/// <summary>The outcome of <see cref="DesiredPods.Apply"/>: the new state, and what differs from the old one, by name.</summary>
public sealed record DesiredPodsUpdate(DesiredPods Pods, IReadOnlyList<DesiredPodChange> Changes);

/// <summary>What the watcher has found out about one file.</summary>
public abstract record ManifestEvent
{
    private ManifestEvent()
    {
    }

    /// <summary>It was read and parsed, well or not.</summary>
    public sealed record Parsed(ManifestFile File) : ManifestEvent;

    /// <summary>It is there and cannot be read: not a regular file, no permission, too large, an I/O error.</summary>
    public sealed record Unreadable(ManifestError Error) : ManifestEvent;

    /// <summary>It is no longer there.</summary>
    public sealed record Removed : ManifestEvent
    {
        public static Removed Instance { get; } = new();
    }
}
