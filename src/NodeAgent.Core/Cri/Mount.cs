namespace NodeAgent.Core.Cri;

/// <summary>One key of a filesystem's configuration as <c>fsconfig(2)</c> takes it: a flag when <see cref="Value"/> is null, else a string.</summary>
public readonly record struct MountOption(string Key, string? Value = null);

/// <summary>
/// What images hand to the runtime: a filesystem to be mounted as a container's root, not yet mounted.
/// For an overlay, <c>lowerdir</c> stands once per layer, topmost first, so that no option is longer than a page.
/// </summary>
/// <param name="Type">Filesystem type as in <c>/proc/filesystems</c>: <c>overlay</c> or <c>bind</c>.</param>
/// <param name="Source">Source of a bind mount; for the others a label shown in mountinfo.</param>
/// <param name="Options">In the order in which they have to be set.</param>
public sealed record Mount(string Type, string Source, IReadOnlyList<MountOption> Options);
