using NodeAgent.Core.Eviction;

namespace NodeAgent.Core.ImageGc;

/// <summary>
/// How full the image store's disk may be.
/// <code>
///   used:  0 % ........ low ........ high ........ 100 %
///          enough room    enough, unless a        images go until
///                         collection is going on  used &lt;= low
/// </code>
/// </summary>
public static class ImageRoom
{
    /// <summary>In percent, rounded up: what is not a whole percent free is in use.</summary>
    public static int UsedPercent(SignalReading disk) => disk.Capacity <= 0 ? 100 : 100 - (int)((Int128)Available(disk) * 100 / disk.Capacity);

    /// <returns>Whether images have to go.</returns>
    public static bool IsScarce(ImageGcSettings settings, SignalReading disk) =>
        disk.Capacity > 0 && settings.HighThresholdPercent < 100 && UsedPercent(disk) >= settings.HighThresholdPercent;

    /// <returns>Bytes that have to become free until no more than the low threshold is in use; 0 when that is so.</returns>
    public static long Missing(ImageGcSettings settings, SignalReading disk) =>
        Math.Max(0, (long)((Int128)disk.Capacity * (100 - settings.LowThresholdPercent) / 100) - Available(disk));

    private static long Available(SignalReading disk) => Math.Clamp(disk.Available, 0, Math.Max(0, disk.Capacity));
}
