using System.Globalization;

namespace NodeAgent.Cli;

/// <summary>Durations as Go's time.ParseDuration reads them: <c>90s</c>, <c>1h30m</c>, <c>1.5h</c>, <c>250ms</c>.</summary>
internal static class DurationText
{
    public static TimeSpan Parse(string option, string text)
    {
        double seconds = 0;
        int at = 0;
        while (at < text.Length)
        {
            int start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.')) at++;
            int unitStart = at;
            while (at < text.Length && char.IsAsciiLetter(text[at])) at++;
            double? unit = text[unitStart..at] switch
            {
                "ms" => 0.001,
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => null,
            };
            if (unit is null || !double.TryParse(text[start..unitStart], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)) throw Wrong(option, text);
            seconds += number * unit.Value;
        }
        return text.Length > 0 && seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(seconds) : throw Wrong(option, text);
    }

    private static PodctlException Wrong(string option, string text) =>
        new($"{option} {text}: expected a duration such as 30s, 10m or 1h30m", ExitCode.WrongCommandLine);
}
