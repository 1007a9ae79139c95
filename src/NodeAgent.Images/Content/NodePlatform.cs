using System.Runtime.InteropServices;
using System.Text;

namespace NodeAgent.Images.Content;

/// <summary>What this machine can run, in the names that images use: Go's. Source: image-spec image-index.md "platform".</summary>
/// <param name="Architecture"><c>amd64</c>, <c>arm64</c>.</param>
/// <param name="Variants">Best first. An image that names none is of the last.</param>
public sealed record NodePlatform(string Architecture, IReadOnlyList<string> Variants)
{
    private const int FirstProcessor = 8 * 1024;

    private static readonly string[][] FlagsOfLevels =
    [
        ["cx16", "lahf_lm", "popcnt", "ssse3", "sse4_1", "sse4_2"],
        ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"],
        ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
    ];

    /// <param name="proc">Where procfs is mounted. The kernel is asked, not the runtime: what that was compiled for is another matter.</param>
    public static NodePlatform Read(string proc) => RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.Arm64 => new NodePlatform("arm64", ["v8"]),
        _ => new NodePlatform("amd64", LevelsOfX86(FlagsIn(Path.Combine(proc, "cpuinfo")))),
    };

    /// <summary>The levels of the x86-64 psABI that a processor has, highest first.</summary>
    /// <param name="flags">As <c>/proc/cpuinfo</c> lists them.</param>
    internal static string[] LevelsOfX86(IReadOnlySet<string> flags)
    {
        int level = 1 + FlagsOfLevels.TakeWhile(wanted => wanted.All(flags.Contains)).Count();
        return [.. Enumerable.Range(1, level).Reverse().Select(number => $"v{number}")];
    }

    private static HashSet<string> FlagsIn(string cpuinfo)
    {
        // All processors have the same; the kernel takes its time for each.
        byte[] start = new byte[FirstProcessor];
        using FileStream file = new(cpuinfo, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        string text = Encoding.ASCII.GetString(start, 0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false));
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
        return line is null ? [] : [.. line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }

    /// <summary>
    /// The manifest of an index that fits best; one that names no platform only when nothing names this one.
    /// Throws <see cref="InvalidDataException"/> listing what there is.
    /// </summary>
    public OciDescriptor Choose(IReadOnlyList<OciDescriptor> manifests)
    {
        OciDescriptor? best = null;
        int bestRank = int.MaxValue;
        foreach (OciDescriptor manifest in manifests)
        {
            int rank = RankOf(manifest.Platform);
            if (rank < bestRank)
            {
                best = manifest;
                bestRank = rank;
            }
        }
        if (best is not null)
            return best;
        string there = string.Join(", ", manifests.Select(manifest => manifest.Platform).Where(platform => platform is not null).Distinct());
        throw new InvalidDataException($"it has nothing for linux/{Architecture}, only for: {(there.Length == 0 ? "(nothing)" : there)}");
    }

    private int RankOf(OciPlatform? platform)
    {
        if (platform is null)
            return int.MaxValue - 1;
        if (platform.Os != "linux" || platform.Architecture != Architecture)
            return int.MaxValue;
        if (string.IsNullOrEmpty(platform.Variant))
            return Variants.Count - 1;
        for (int i = 0; i < Variants.Count; i++)
        {
            if (Variants[i] == platform.Variant)
                return i;
        }
        return int.MaxValue;
    }

    /// <summary>
    /// Throws <see cref="InvalidDataException"/> for an image that says it is for another kind of machine. 32-bit images run where the kernel takes them.
    /// </summary>
    public void Check(OciImageConfig config)
    {
        if (!string.IsNullOrEmpty(config.Os) && config.Os != "linux")
            throw new InvalidDataException($"it is for {config.Os}, this node is linux/{Architecture}");
        bool fits = string.IsNullOrEmpty(config.Architecture) || config.Architecture == Architecture
            || (Architecture, config.Architecture) is ("amd64", "386") or ("arm64", "arm");
        if (!fits)
            throw new InvalidDataException($"it is for linux/{config.Architecture}, this node is linux/{Architecture}");
    }
}
