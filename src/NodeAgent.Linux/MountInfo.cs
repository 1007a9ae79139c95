using System.Globalization;
using System.Text;

namespace NodeAgent.Linux;

/// <summary>One line of <c>/proc/pid/mountinfo</c>, see proc_pid_mountinfo(5). Names are unescaped.</summary>
/// <param name="Root">The path inside the filesystem that forms the root of this mount.</param>
/// <param name="Propagation">The optional fields, e.g. <c>shared:2</c>.</param>
public sealed record MountInfoEntry(
    int Id,
    int ParentId,
    string Device,
    string Root,
    string MountPoint,
    string Options,
    string Propagation,
    string FileSystem,
    string Source,
    string SuperOptions);

/// <summary>The mounts of a mount namespace.</summary>
public static class MountInfo
{
    public static IReadOnlyList<MountInfoEntry> Read(string proc = "/proc") => Parse(File.ReadLines(proc + "/self/mountinfo"));

    /// <summary>Lines that make no sense are left out.</summary>
    public static IReadOnlyList<MountInfoEntry> Parse(IEnumerable<string> lines)
    {
        var entries = new List<MountInfoEntry>();
        foreach (string line in lines)
        {
            if (ParseLine(line) is { } entry) entries.Add(entry);
        }
        return entries;
    }

    private static MountInfoEntry? ParseLine(string line)
    {
        string[] fields = line.Split(' ');
        int dash = Array.IndexOf(fields, "-");
        if (dash < 6 || fields.Length < dash + 4
            || !int.TryParse(fields[0], CultureInfo.InvariantCulture, out int id)
            || !int.TryParse(fields[1], CultureInfo.InvariantCulture, out int parent))
            return null;
        return new MountInfoEntry(
            id, parent, fields[2], Unescape(fields[3]), Unescape(fields[4]), fields[5], string.Join(' ', fields[6..dash]),
            fields[dash + 1], Unescape(fields[dash + 2]), fields[dash + 3]);
    }

    /// <summary>Space, tab, newline and backslash are written as a backslash and three octal digits.</summary>
    internal static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal)) return field;
        var text = new StringBuilder(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + field[i + 3] - '0'));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }
        return text.ToString();
    }
}

/// <summary>Where cgroup v2 is mounted.</summary>
public static class CgroupMount
{
    /// <summary>
    /// The mount point of the <c>cgroup2</c> filesystem, or null: <c>/sys/fs/cgroup</c> on a unified system, <c>/sys/fs/cgroup/unified</c> on a hybrid
    /// one, where the controllers belong to v1.
    /// </summary>
    public static string? Find(string proc = "/proc") => Find(MountInfo.Read(proc));

    public static string? Find(IReadOnlyList<MountInfoEntry> mounts) =>
        mounts.FirstOrDefault(mount => mount.FileSystem == "cgroup2" && mount.Root == "/")?.MountPoint
        ?? mounts.FirstOrDefault(mount => mount.FileSystem == "cgroup2")?.MountPoint;
}
