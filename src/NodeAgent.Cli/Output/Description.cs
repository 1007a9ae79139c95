using System.Text;

namespace NodeAgent.Cli.Output;

/// <summary>Text as <c>kubectl describe</c> lays it out: fields indented by level, the values of neighbouring fields below each other.</summary>
internal sealed class Description
{
    private const int Indent = 2;
    private const int Gap = 2;

    private readonly List<Line> _lines = [];

    public void Field(int level, string name, string? value)
    {
        string[] parts = (string.IsNullOrEmpty(value) ? "<none>" : value).Split('\n');
        _lines.Add(new Line(level, name + ":", TablePrinter.Safe(parts[0])));
        foreach (string more in parts[1..]) _lines.Add(new Line(level, "", TablePrinter.Safe(more)));
    }

    public void Heading(int level, string name) => _lines.Add(new Line(level, name + ":", null));

    /// <summary>The first on the field's own line, each other one below it.</summary>
    public void Field(int level, string name, IEnumerable<string> values) => Field(level, name, string.Join('\n', values));

    public void Row(int level, params string[] cells) => _lines.Add(new Line(level, "", null) { Cells = cells });

    public override string ToString()
    {
        var text = new StringBuilder();
        for (int start = 0; start < _lines.Count;)
        {
            // A group is what stands together without a heading in between: it shares the column of its values.
            int end = start + 1;
            while (end < _lines.Count && _lines[end].Kind == _lines[start].Kind) end++;
            Render(text, _lines[start..end]);
            start = end;
        }
        return text.ToString();
    }

    private static void Render(StringBuilder text, List<Line> group)
    {
        string indent = new(' ', group[0].Level * Indent);
        if (group[0].Cells is not null)
        {
            int columns = group.Max(line => line.Cells!.Length);
            int[] widths = [.. Enumerable.Range(0, columns).Select(i => group.Max(line => i < line.Cells!.Length ? line.Cells[i].Length : 0))];
            foreach (Line line in group)
            {
                IEnumerable<string> cells = line.Cells!.Select((cell, i) => cell.PadRight(widths[i] + Gap));
                text.Append((indent + string.Concat(cells)).TrimEnd()).Append('\n');
            }
            return;
        }
        int width = group.Max(line => line.Level * Indent + line.Name.Length) + Gap;
        foreach (Line line in group)
        {
            string name = new string(' ', line.Level * Indent) + line.Name;
            text.Append(line.Value is null ? name : name.PadRight(width) + line.Value).Append('\n');
        }
    }

    private sealed record Line(int Level, string Name, string? Value)
    {
        public string[]? Cells { get; init; }
        public int Kind => Cells is not null ? 2 : Value is null ? 1 : 0;
    }
}
