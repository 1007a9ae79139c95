namespace NodeAgent.Core.ImageGc;

/// <summary>When images that no pod uses are removed. The names in the configuration are the kubelet's.</summary>
/// <param name="HighThresholdPercent">From this much of the image store's disk in use on, images go; 100: never because of the disk.</param>
/// <param name="LowThresholdPercent">They go until no more than this is in use. Below <paramref name="HighThresholdPercent"/>.</param>
/// <param name="MinimumAge">An image that came, or was seen in use, less than this ago stays: it may have been brought in for a pod that is about to come.</param>
/// <param name="MaximumAge">An image that has been unused for longer goes, whatever the disk; zero: never.</param>
public sealed record ImageGcSettings(int HighThresholdPercent, int LowThresholdPercent, TimeSpan MinimumAge, TimeSpan MaximumAge)
{
    public static readonly ImageGcSettings Default = new(85, 80, TimeSpan.FromMinutes(2), TimeSpan.Zero);
}
