using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>One line of a log in the CRI's format. Reading fails on a line that is not of that format.</summary>
internal sealed partial record CriRecord(DateTimeOffset At, string Stream, char Tag, string Text)
{
    public static CriRecord[] Read(string path)
    {
        string content = File.ReadAllText(path, System.Text.Encoding.Latin1);
        Assert.True(content.Length == 0 || content[^1] == '\n', "the log does not end with a newline");
        return [.. content.Split('\n')[..^1].Select(Parse)];
    }

    private static CriRecord Parse(string line)
    {
        Match match = Line().Match(line);
        Assert.True(match.Success, $"not a CRI log line: {line[..Math.Min(line.Length, 120)]}");
        DateTimeOffset at = DateTimeOffset.Parse(match.Groups["at"].Value, CultureInfo.InvariantCulture);
        return new CriRecord(at, match.Groups["stream"].Value, match.Groups["tag"].Value[0], match.Groups["text"].Value);
    }

    [GeneratedRegex(@"^(?<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (?<stream>stdout|stderr) (?<tag>[PF]) (?<text>.*)$", RegexOptions.Singleline, 1000)]
    private static partial Regex Line();
}
