using NodeAgent.Core;

namespace NodeAgent.Cli.Doctor;

/// <summary>Whether the agent's folders are there and safe.</summary>
internal static class FolderChecks
{
    private const long LittleSpace = 1L << 30;

    public static IEnumerable<Finding> Run(StatePaths paths)
    {
        yield return Folder("manifests", paths.Manifests, "make it: mkdir -m 0755 " + paths.Manifests);
        yield return Folder("state", paths.Root, "it is made when the agent starts");
        yield return Folder("records", paths.Run, "it is made when the agent starts");
        yield return Folder("logs", paths.Logs, "it is made when the first pod starts");
        if (Space(paths.Root) is { } space) yield return space;
    }

    private static Finding Folder(string subject, string path, string remedy)
    {
        if (!Directory.Exists(path)) return new Finding(FindingLevel.Warning, subject, $"{path} is not there", remedy);
        UnixFileMode mode = File.GetUnixFileMode(path);
        if (mode.HasFlag(UnixFileMode.OtherWrite) && !mode.HasFlag(UnixFileMode.StickyBit))
            return new Finding(FindingLevel.Error, subject, $"{path} can be written by everybody, who are root by it", $"chmod o-w {path}");
        return Finding.Ok(subject, path);
    }

    private static Finding? Space(string path)
    {
        string? existing = path;
        while (existing is not null && !Directory.Exists(existing)) existing = Path.GetDirectoryName(existing);
        if (existing is null) return null;
        long free = new DriveInfo(existing).AvailableFreeSpace;
        return free < LittleSpace
            ? new Finding(FindingLevel.Warning, "space", $"{free >> 20} MiB are left below {path}", "remove images with podctl image rm, or give it a larger disk")
            : Finding.Ok("space", $"{free >> 30} GiB left below {path}");
    }
}
