using System.Globalization;

namespace NodeAgent.Core.Configuration;

/// <summary>Durations as Kubernetes' configuration files write them: <c>20s</c>, <c>1m30s</c>, <c>1.5h</c>, <c>300ms</c>; a bare number is refused but for 0.</summary>
public static class GoDuration
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("h", 3600), ("m", 60), ("s", 1)];

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
