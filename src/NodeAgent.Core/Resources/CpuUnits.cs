namespace NodeAgent.Core.Resources;

/// <summary>Millicores in the units of cgroup v1 (shares) and v2 (<c>cpu.weight</c>, <c>cpu.max</c>).</summary>
public static class CpuUnits
{
    public const long MinShares = 2;
    public const long MaxShares = 262_144;

    /// <summary>Microseconds: the kernel's default and the kubelet's.</summary>
    public const long Period = 100_000;

    /// <summary>Microseconds: the kernel refuses a smaller quota.</summary>
    public const long MinQuota = 1_000;

    // The kernel refuses some 17 million seconds; this is more processors than there are.
    private const long MaxQuota = 1_000_000_000_000;

    public static long Shares(long milliCpu) => (long)Int128.Clamp((Int128)milliCpu * 1024 / 1000, MinShares, MaxShares);

    /// <summary>Microseconds of cpu per <see cref="Period"/>.</summary>
    public static long Quota(long milliCpu) => (long)Int128.Clamp((Int128)milliCpu * Period / 1000, MinQuota, MaxQuota);

    /// <summary>The straight line from 2…262144 to 1…10000 that pods and QoS classes use: 1 CPU is 39.</summary>
    public static long LinearWeight(long shares) => 1 + (shares - MinShares) * 9999 / 262_142;

    /// <summary>
    /// The curve that containers use, made so that 1 CPU (1024 shares) gets the kernel's default of 100 and the ends stay 1 and 10000.
    /// Source: the OCI runtimes' conversion for cgroup v2 of 2025.
    /// </summary>
    public static long QuadraticWeight(long shares)
    {
        if (shares <= MinShares) return 1;
        if (shares >= MaxShares) return 10_000;
        double l = Math.Log2(shares);
        return (long)Math.Ceiling(Math.Pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
    }
}
