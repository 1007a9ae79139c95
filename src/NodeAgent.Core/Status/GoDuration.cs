using System.Globalization;
using System.Text;

namespace NodeAgent.Core.Status;

/// <summary>Prints and reads durations as Go's <c>time.Duration</c> does, because messages and configuration files of the field write them so: 10s, 1m20s, 5m0s, 500ms.</summary>
public static class GoDuration
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("h", 3600), ("m", 60), ("s", 1)];

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

    /// <summary>Reads what <see cref="Format"/> prints and what people write: <c>20s</c>, <c>1m30s</c>, <c>1.5h</c>. Null when it is no duration; a bare number has no unit and is none, but for 0.</summary>
    public static TimeSpan? TryParse(string text)
    {
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        if (rest.SequenceEqual("0"))
            return TimeSpan.Zero;
        double seconds = 0;
        if (rest.IsEmpty)
            return null;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept("0123456789.");
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return null;
            rest = rest[digits..];
            if (UnitOf(rest) is not { } unit)
                return null;
            seconds += number * unit.Seconds;
            rest = rest[unit.Length..];
        }

        return seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private static (int Length, double Seconds)? UnitOf(ReadOnlySpan<char> text)
    {
        foreach ((string unit, double seconds) in Units)
        {
            if (text.StartsWith(unit, StringComparison.Ordinal))
                return (unit.Length, seconds);
        }

        return null;
    }
}
