using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace NodeAgent.Images.Content;

/// <summary>What this machine can run, in the names that images use: Go's. Source: image-spec image-index.md "platform".</summary>
/// <param name="Architecture"><c>amd64</c>, <c>arm64</c>.</param>
/// <param name="Variants">Best first. An image that names none is of the last.</param>
public sealed record NodePlatform(string Architecture, IReadOnlyList<string> Variants)
{
    public static NodePlatform Current { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.Arm64 => new NodePlatform("arm64", ["v8"]),
        _ => new NodePlatform("amd64", LevelsOfX86()),
    };

    /// <summary>The levels of the x86-64 psABI.</summary>
    private static string[] LevelsOfX86() =>
        Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported ? ["v4", "v3", "v2", "v1"]
        : Avx2.IsSupported && Bmi2.IsSupported && Fma.IsSupported && Lzcnt.IsSupported ? ["v3", "v2", "v1"]
        : Sse42.IsSupported && Popcnt.IsSupported ? ["v2", "v1"]
        : ["v1"];

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
