using System.Text;
using System.Text.Json;

namespace NodeAgent.Cli.Output;

/// <summary>
/// Prints server-side tables as kubectl does: upper-case headers, cells padded to the widest plus three blanks, at least six wide, the last one not padded.
/// Widths only grow, so that the rows of a watch stay below their headers.
/// </summary>
internal sealed class TablePrinter(TextWriter output, bool wide, bool withNamespace, bool headers)
{
    private const int Gap = 3;
    private const int LeastWidth = 6;

    private readonly List<int> _widths = [];
    private List<(string Name, int Index)>? _columns;

    /// <param name="table">A meta/v1 Table; in a watch, only the first has columns.</param>
    /// <returns>How many rows it has.</returns>
    public int Print(JsonElement table)
    {
        var lines = new List<string[]>();
        bool first = _columns is null;
        _columns ??= Columns(table);
        if (table.GetProperty("rows").GetArrayLength() == 0) return 0;
        if (first && headers) lines.Add([.. (withNamespace ? new[] { "NAMESPACE" } : []), .. _columns.Select(column => column.Name.ToUpperInvariant())]);
        foreach (JsonElement row in table.GetProperty("rows").EnumerateArray())
        {
            JsonElement cells = row.GetProperty("cells");
            string[] space = withNamespace ? [row.GetProperty("object").GetProperty("metadata").GetProperty("namespace").GetString() ?? ""] : [];
            lines.Add([.. space, .. _columns.Select(column => Cell(cells[column.Index]))]);
        }
        PrintLines(lines);
        return table.GetProperty("rows").GetArrayLength();
    }

    private List<(string Name, int Index)> Columns(JsonElement table)
    {
        var columns = new List<(string, int)>();
        int index = 0;
        foreach (JsonElement column in table.GetProperty("columnDefinitions").EnumerateArray())
        {
            if (wide || column.GetProperty("priority").GetInt32() == 0) columns.Add((column.GetProperty("name").GetString()!, index));
            index++;
        }
        return columns;
    }

    /// <summary>Lines of cells that are safe to print, the first of them the headers.</summary>
    public void PrintLines(List<string[]> lines)
    {
        foreach (string[] line in lines)
        {
            while (_widths.Count < line.Length) _widths.Add(LeastWidth);
            for (int i = 0; i < line.Length; i++) _widths[i] = Math.Max(_widths[i], Width(line[i]) + Gap);
        }
        foreach (string[] line in lines)
        {
            for (int i = 0; i < line.Length; i++)
            {
                output.Write(line[i]);
                if (i < line.Length - 1) output.Write(new string(' ', _widths[i] - Width(line[i])));
            }
            output.Write('\n');
        }
    }

    /// <summary>One line, without anything that a terminal would obey.</summary>
    public static string Cell(JsonElement value)
    {
        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.ValueKind == JsonValueKind.Null ? "<none>" : value.ToString();
        int end = text.AsSpan().IndexOfAny('\n', '\r', '\f');
        if (end >= 0) text = text[..end] + "...";
        return Safe(text);
    }

    public static string Safe(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\u001f') && !text.AsSpan().ContainsAnyInRange('\u007f', '\u009f')) return text;
        var safe = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            if (char.IsControl(c)) safe.Append('^').Append((char)((c ^ 0x40) & 0x7f));
            else safe.Append(c);
        }
        return safe.ToString();
    }

    private static int Width(string text)
    {
        int width = 0;
        foreach (Rune _ in text.EnumerateRunes()) width++;
        return width;
    }
}
