namespace NodeAgent.Core.Manifests;

internal enum NodeKind
{
    Null,
    Bool,
    Int,
    Float,
    String,
    Sequence,
    Mapping,
}

/// <summary>
/// One value of a parsed document, YAML or JSON, with its place. Immutable; aliases share their target, so a document is a graph
/// without cycles: <see cref="Values"/> and <see cref="Characters"/> count what it comes to when every alias is followed.
/// </summary>
internal sealed class ManifestNode
{
    private ManifestNode(NodeKind kind, int line, int column)
    {
        Kind = kind;
        Line = line;
        Column = column;
    }

    public NodeKind Kind { get; }

    /// <summary>1-based.</summary>
    public int Line { get; }

    /// <summary>1-based, in characters.</summary>
    public int Column { get; }

    /// <summary>A scalar's text: a string's value, anything else as it was written.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The value of an Int; 0 or 1 for a Bool.</summary>
    public long Integer { get; private init; }

    /// <summary>The value of a Float.</summary>
    public double Number { get; private init; }

    public IReadOnlyList<ManifestNode> Items { get; private init; } = [];

    public IReadOnlyList<ManifestEntry> Entries { get; private init; } = [];

    public long Values { get; private init; } = 1;

    public long Characters { get; private init; }

    public bool IsEmpty => Kind switch
    {
        NodeKind.Null => true,
        NodeKind.Sequence => Items.Count == 0,
        NodeKind.Mapping => Entries.Count == 0,
        _ => false,
    };

    public ManifestEntry? Find(string key)
    {
        foreach (ManifestEntry entry in Entries)
        {
            if (entry.Key == key) return entry;
        }
        return null;
    }

    public static ManifestNode Null(int line, int column) => new(NodeKind.Null, line, column);

    public static ManifestNode Bool(bool value, string text, int line, int column) =>
        new(NodeKind.Bool, line, column) { Integer = value ? 1 : 0, Text = text, Characters = text.Length };

    public static ManifestNode Int(long value, string text, int line, int column) =>
        new(NodeKind.Int, line, column) { Integer = value, Text = text, Characters = text.Length };

    public static ManifestNode Float(double value, string text, int line, int column) =>
        new(NodeKind.Float, line, column) { Number = value, Text = text, Characters = text.Length };

    public static ManifestNode String(string text, int line, int column) =>
        new(NodeKind.String, line, column) { Text = text, Characters = text.Length };

    public static ManifestNode Sequence(IReadOnlyList<ManifestNode> items, int line, int column)
    {
        long values = 1, characters = 0;
        foreach (ManifestNode item in items)
        {
            values += item.Values;
            characters += item.Characters;
        }
        return new(NodeKind.Sequence, line, column) { Items = items, Values = values, Characters = characters };
    }

    public static ManifestNode Mapping(IReadOnlyList<ManifestEntry> entries, int line, int column)
    {
        long values = 1, characters = 0;
        foreach (ManifestEntry entry in entries)
        {
            values += entry.Value.Values;
            characters += entry.Value.Characters + entry.Key.Length;
        }
        return new(NodeKind.Mapping, line, column) { Entries = entries, Values = values, Characters = characters };
    }

    /// <summary>What the value is, for an error message.</summary>
    public string Description => Kind switch
    {
        NodeKind.Null => "empty",
        NodeKind.Bool => $"the boolean {ManifestText.Plain(Text)}",
        NodeKind.Int or NodeKind.Float => $"the number {ManifestText.Plain(Text)}",
        NodeKind.String => $"the string {ManifestText.Quote(Text)}",
        NodeKind.Sequence => "a list",
        _ => "a mapping",
    };
}

/// <summary>A key of a mapping with its place, and its value.</summary>
internal sealed record ManifestEntry(string Key, int Line, int Column, ManifestNode Value);

/// <summary>Ends the parsing of a file: the text cannot be made sense of beyond this place.</summary>
internal sealed class ManifestSyntaxException(ManifestReason reason, int line, int column, string message, string remedy)
    : Exception(message)
{
    public ManifestReason Reason => reason;

    public int Line => line;

    public int Column => column;

    public string Remedy => remedy;
}

/// <summary>Bounds on what a document may come to; they hold for YAML and JSON alike.</summary>
internal sealed class ManifestBudget
{
    public const int MaxDepth = 100;
    public const int MaxValues = 250_000;
    public const int MaxCharacters = 16 * 1024 * 1024;

    private long _values;
    private long _characters;

    /// <summary>Counts one value that was written, or everything that an alias stands for.</summary>
    public void Spend(long values, long characters, int line, int column)
    {
        _values += values;
        _characters += characters;
        if (_values <= MaxValues && _characters <= MaxCharacters) return;
        throw new ManifestSyntaxException(ManifestReason.TooManyValues, line, column,
            $"comes to more than {MaxValues} values or {MaxCharacters} characters when its aliases are followed",
            "write fewer objects into one file, and no aliases of aliases");
    }

    public static void CheckDepth(int depth, int line, int column)
    {
        if (depth <= MaxDepth) return;
        throw new ManifestSyntaxException(ManifestReason.TooDeep, line, column,
            $"is nested more than {MaxDepth} levels deep", "no Pod needs more than about 15; look for a missing bracket");
    }
}
