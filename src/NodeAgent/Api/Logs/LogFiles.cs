using System.Globalization;
using System.IO.Compression;

namespace NodeAgent.Api.Logs;

/// <summary>
/// The files of one run of a container: <c>{attempt}.log</c>, which is written now, and before it what was rotated away:
/// <c>{attempt}.log.{time}</c>, perhaps with <c>.gz</c>, in the order of their names.
/// </summary>
internal sealed class LogFiles(string folder, int attempt)
{
    private const string Compressed = ".gz";

    // The default is the matching of DOS, where x.log.* also means x.log.
    private static readonly EnumerationOptions Literal = new() { MatchType = MatchType.Simple };

    public string Folder { get; } = folder;
    public string Live { get; } = Path.Combine(folder, attempt.ToString(CultureInfo.InvariantCulture) + ".log");

    /// <summary>The runs that have a log, oldest first.</summary>
    public static IReadOnlyList<int> Attempts(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var attempts = new SortedSet<int>();
        foreach (string path in Directory.EnumerateFiles(folder, "*.log*", Literal))
        {
            string name = Path.GetFileName(path);
            if (int.TryParse(name[..name.IndexOf('.', StringComparison.Ordinal)], CultureInfo.InvariantCulture, out int found)) attempts.Add(found);
        }
        return [.. attempts];
    }

    /// <summary>All files there are, oldest first. A rotated file that is just being compressed counts once.</summary>
    public IReadOnlyList<string> InOrder()
    {
        if (!Directory.Exists(Folder)) return [];
        var rotated = Directory.EnumerateFiles(Folder, Path.GetFileName(Live) + ".*", Literal)
            .Where(path => !path.EndsWith(".tmp", StringComparison.Ordinal))
            .Select(Plain)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(plain => File.Exists(plain) ? plain : plain + Compressed)
            .ToList();
        if (File.Exists(Live)) rotated.Add(Live);
        return rotated;
    }

    /// <summary>The file that holds what was written after <paramref name="path"/>, or null when there is none yet.</summary>
    public string? After(string path)
    {
        string plain = Plain(path);
        if (plain == Live) return null;
        return InOrder().FirstOrDefault(candidate => candidate == Live || string.CompareOrdinal(Plain(candidate), plain) > 0);
    }

    public static bool IsCompressed(string path) => path.EndsWith(Compressed, StringComparison.Ordinal);

    /// <summary>Opens a file for reading while another process writes, renames and deletes it.</summary>
    /// <exception cref="FileNotFoundException">It was rotated away in the meantime: list again.</exception>
    public static Stream Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        return IsCompressed(path) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    private static string Plain(string path) => IsCompressed(path) ? path[..^Compressed.Length] : path;
}
