using System.Globalization;
using NodeAgent.Core;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;

namespace NodeAgent.Runtime;

/// <summary>One thing of a pod that is still there.</summary>
/// <param name="Kind"><c>process</c>, <c>cgroup</c>, <c>mount</c>, <c>record</c>, <c>volume</c> or <c>snapshot</c>.</param>
/// <param name="What">Pid and command line, or path.</param>
public readonly record struct Leak(string Kind, string What)
{
    public override string ToString() => $"{Kind} {What}";
}

/// <summary>
/// Everything that pods hold on this node: empty when no pod runs and nothing was left behind. Reads the kernel and the folders, not our own memory, so it also
/// finds what nobody remembers. A pod's network namespace is held by its shim and appears as that process.
/// </summary>
public static class LeakLedger
{
    private const string ShimName = "podagent-shim";

    /// <param name="uidPrefix">Only of pods whose uid begins so; empty for all. Mounts and snapshots are listed for all.</param>
    public static IReadOnlyList<Leak> List(StatePaths paths, string uidPrefix = "") =>
    [
        .. Processes(paths, uidPrefix),
        .. Cgroups(paths, uidPrefix),
        .. Mounts(paths),
        .. Folders("record", paths.PodRecords, uidPrefix),
        .. Folders("volume", paths.Volumes, uidPrefix),
        .. Folders("snapshot", paths.Snapshots + "/containers", ""),
    ];

    /// <summary>Shims of this agent's pods (their records tell them from another agent's), and whoever lives in its cgroups.</summary>
    private static IEnumerable<Leak> Processes(StatePaths paths, string uidPrefix)
    {
        HashSet<int> ours = [.. PodCgroups(paths, uidPrefix).SelectMany(Below).SelectMany(Cgroupfs.Processes)];
        foreach (string folder in Directory.EnumerateDirectories(paths.Proc))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)) continue;
            string[] command = CommandLine(folder);
            bool shim = command is [ShimName, var uid, ..] && uid.StartsWith(uidPrefix, StringComparison.Ordinal) && BelongsHere(paths, folder);
            if (shim || ours.Contains(pid))
                yield return new Leak("process", $"{pid.ToString(CultureInfo.InvariantCulture)} {string.Join(' ', command)}");
        }
    }

    /// <summary>A shim keeps its pod's record folder open as fd 4, also when the folder has been deleted.</summary>
    private static bool BelongsHere(StatePaths paths, string processFolder)
    {
        try
        {
            return File.ResolveLinkTarget($"{processFolder}/fd/4", returnFinalTarget: false)?.FullName.StartsWith(paths.Run + "/", StringComparison.Ordinal) == true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string[] CommandLine(string processFolder)
    {
        try
        {
            return File.ReadAllText(processFolder + "/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static IEnumerable<Leak> Cgroups(StatePaths paths, string uidPrefix) =>
        PodCgroups(paths, uidPrefix).SelectMany(Below).Select(folder => new Leak("cgroup", folder));

    private static IEnumerable<string> PodCgroups(StatePaths paths, string uidPrefix) =>
        CgroupTree.At(paths.Cgroup).Pods().Where(pod => pod.Uid.Value.StartsWith(uidPrefix, StringComparison.Ordinal)).Select(pod => pod.Path);

    private static IEnumerable<string> Below(string folder) => Directory.EnumerateDirectories(folder).SelectMany(Below).Append(folder);

    private static IEnumerable<Leak> Mounts(StatePaths paths) =>
        from mount in MountInfo.Read(paths.Proc)
        where mount.MountPoint.StartsWith(paths.Run + "/", StringComparison.Ordinal) || mount.MountPoint.StartsWith(paths.Root + "/", StringComparison.Ordinal)
        select new Leak("mount", $"{mount.MountPoint} ({mount.FileSystem})");

    private static IEnumerable<Leak> Folders(string kind, string parent, string prefix) =>
        Directory.Exists(parent) ? Directory.EnumerateFileSystemEntries(parent, prefix + "*").Select(folder => new Leak(kind, folder)) : [];
}
