namespace NodeAgent.Core.Manifests;

/// <summary>Turns a YAML parser's complaint into one that names the usual cause.</summary>
internal static class YamlFaults
{
    /// <param name="line">1-based line of the complaint; the cause may be on an earlier one.</param>
    public static ManifestSyntaxException Explain(int line, int column, string complaint) => new(
        ManifestReason.YamlSyntax, Math.Max(line, 1), Math.Max(column, 1), "is not YAML: " + ManifestText.Plain(Shorten(complaint), 200),
        Advice(complaint));

    public static ManifestSyntaxException Tab(int line, int column) => new(ManifestReason.TabIndentation, line, column,
        $"line {line} is indented with a tab, and tabs cannot indent YAML", "replace the tabs by spaces, two for each level");

    /// <summary>The lines whose indentation has a tab in it, with the tab's column. Lines end as in YAML 1.1.</summary>
    public static IReadOnlyDictionary<int, int> TabIndents(string text)
    {
        var found = new Dictionary<int, int>();
        int line = 1, start = 0;
        while (start < text.Length)
        {
            int length = text.AsSpan(start).IndexOfAny(LineEnds);
            int end = length < 0 ? text.Length : start + length;
            int at = start;
            while (at < end && text[at] == ' ') at++;
            if (at < end && text[at] == '\t') found[line] = at - start + 1;
            line++;
            start = end + (end + 1 < text.Length && text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1);
        }
        return found;
    }

    private static readonly System.Buffers.SearchValues<char> LineEnds = System.Buffers.SearchValues.Create("\n\r\u0085\u2028\u2029");

    private static string Shorten(string complaint)
    {
        string text = complaint.Trim().TrimEnd('.');
        return text.Length > 0 && char.IsUpper(text[0]) && !text.StartsWith("YAML", StringComparison.Ordinal)
            ? char.ToLowerInvariant(text[0]) + text[1..]
            : text;
    }

    private static string Advice(string complaint) => complaint switch
    {
        _ when complaint.Contains("mapping values", StringComparison.OrdinalIgnoreCase)
            || complaint.Contains("invalid mapping", StringComparison.OrdinalIgnoreCase) =>
            "look for a wrong indentation, or quote a value that has a colon in it",
        _ when complaint.Contains("block mapping", StringComparison.OrdinalIgnoreCase)
            || complaint.Contains("expected <block end>", StringComparison.OrdinalIgnoreCase)
            || complaint.Contains("block entry", StringComparison.OrdinalIgnoreCase)
            || complaint.Contains("block collection", StringComparison.OrdinalIgnoreCase)
            || complaint.Contains("sequence entries", StringComparison.OrdinalIgnoreCase) =>
            "align the keys of one mapping, and the dashes of one list, in the same column",
        _ when complaint.Contains("simple key", StringComparison.OrdinalIgnoreCase) => "look for a missing colon on this line or the one before",
        _ when complaint.Contains("quoted scalar", StringComparison.OrdinalIgnoreCase) => "look for a quote that is not closed",
        _ => "look at this line and the one before it",
    };
}
