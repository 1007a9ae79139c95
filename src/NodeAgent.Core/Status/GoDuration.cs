using System.Globalization;
using System.Text;

namespace NodeAgent.Core.Status;

/// <summary>Prints a duration as Go's <c>time.Duration</c> does, because messages of the field show them so: 10s, 1m20s, 5m0s, 500ms.</summary>
public static class GoDuration
{
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        if (duration < TimeSpan.Zero)
            return "-" + Format(duration.Negate());
        if (duration < TimeSpan.FromMilliseconds(1))
            return duration.TotalMicroseconds.ToString("0.###", CultureInfo.InvariantCulture) + "µs";
        if (duration < TimeSpan.FromSeconds(1))
            return duration.TotalMilliseconds.ToString("0.######", CultureInfo.InvariantCulture) + "ms";

        StringBuilder text = new();
        long hours = (long)duration.TotalHours;
        if (hours > 0)
            text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        if (hours > 0 || duration.Minutes > 0)
            text.Append(CultureInfo.InvariantCulture, $"{duration.Minutes}m");
        decimal seconds = (duration.Ticks % TimeSpan.TicksPerMinute) / (decimal)TimeSpan.TicksPerSecond;
        return text.Append(seconds.ToString("0.#######", CultureInfo.InvariantCulture)).Append('s').ToString();
    }
}
