using System.Globalization;

namespace NodeAgent.Core.Status;

/// <summary>
/// Prints a time span as kubectl does, in at most two units and three or so digits: 119s, 2m30s, 45m, 3h20m, 30h, 3d4h, 200d, 2y30d.
/// Source: apimachinery <c>util/duration</c>.
/// </summary>
public static class HumanDuration
{
    public static string Format(TimeSpan span)
    {
        long seconds = (long)span.TotalSeconds;
        if (seconds < -1)
            return "<invalid>";
        if (seconds < 0)
            return "0s";
        long minutes = seconds / 60;
        long hours = minutes / 60;
        long days = hours / 24;
        return (seconds, minutes, hours, days) switch
        {
            ( < 120, _, _, _) => One(seconds, 's'),
            (_, < 10, _, _) => Two(minutes, 'm', seconds % 60, 's'),
            (_, < 180, _, _) => One(minutes, 'm'),
            (_, _, < 8, _) => Two(hours, 'h', minutes % 60, 'm'),
            (_, _, < 48, _) => One(hours, 'h'),
            (_, _, < 192, _) => Two(days, 'd', hours % 24, 'h'),
            (_, _, _, < 2 * 365) => One(days, 'd'),
            (_, _, _, < 8 * 365) => Two(days / 365, 'y', days % 365, 'd'),
            _ => One(days / 365, 'y'),
        };
    }

    private static string One(long value, char unit) => value.ToString(CultureInfo.InvariantCulture) + unit;

    private static string Two(long value, char unit, long rest, char restUnit) => rest == 0 ? One(value, unit) : One(value, unit) + One(rest, restUnit);
}
