using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NodeAgent.Core.Manifests;

/// <summary>JSON text to documents: one value or several one after the other. Places are kept, keys given twice are errors.</summary>
internal sealed class JsonDocuments
{
    private readonly ReadOnlyMemory<byte> _utf8;
    private readonly ManifestBudget _budget = new();
    private int _offset;
    private int _line = 1;
    private int _column = 1;

    private JsonDocuments(ReadOnlyMemory<byte> utf8) => _utf8 = utf8;

    /// <exception cref="ManifestSyntaxException">The text is not JSON, or more of it than is allowed.</exception>
    public static IReadOnlyList<ManifestNode> Read(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return new JsonDocuments(utf8).ReadAll();
        }
        catch (JsonException e)
        {
            int line = (int)Math.Min((e.LineNumber ?? 0) + 1, int.MaxValue);
            int column = (int)Math.Min((e.BytePositionInLine ?? 0) + 1, int.MaxValue);
            string complaint = e.Message.Split(" LineNumber:", 2)[0].TrimEnd('.');
            throw new ManifestSyntaxException(ManifestReason.JsonSyntax, line, column, "is not JSON: " + ManifestText.Plain(complaint, 200),
                "look at this line and the one before it; comments and trailing commas are not JSON");
        }
    }

    private List<ManifestNode> ReadAll()
    {
        var documents = new List<ManifestNode>();
        var reader = new Utf8JsonReader(_utf8.Span, new JsonReaderOptions
        {
            AllowMultipleValues = true,
            MaxDepth = ManifestBudget.MaxDepth + 2,
        });
        while (reader.Read())
        {
            ManifestNode document = ReadNode(ref reader, 1);
            if (document.Kind != NodeKind.Null) documents.Add(document);
        }
        return documents;
    }

    private ManifestNode ReadNode(ref Utf8JsonReader reader, int depth)
    {
        (int line, int column) = Place(reader.TokenStartIndex);
        ManifestBudget.CheckDepth(depth, line, column);
        ManifestNode node = reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadObject(ref reader, depth, line, column),
            JsonTokenType.StartArray => ReadArray(ref reader, depth, line, column),
            JsonTokenType.String => ManifestNode.String(ReadString(ref reader, line, column), line, column),
            JsonTokenType.Number => ReadNumber(ref reader, line, column),
            JsonTokenType.True => ManifestNode.Bool(true, "true", line, column),
            JsonTokenType.False => ManifestNode.Bool(false, "false", line, column),
            _ => ManifestNode.Null(line, column),
        };
        _budget.Spend(1, node.Kind is NodeKind.Sequence or NodeKind.Mapping ? 0 : node.Characters, line, column);
        return node;
    }

    private ManifestNode ReadArray(ref Utf8JsonReader reader, int depth, int line, int column)
    {
        var items = new List<ManifestNode>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) items.Add(ReadNode(ref reader, depth + 1));
        return ManifestNode.Sequence(items, line, column);
    }

    private ManifestNode ReadObject(ref Utf8JsonReader reader, int depth, int line, int column)
    {
        var entries = new List<ManifestEntry>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            (int keyLine, int keyColumn) = Place(reader.TokenStartIndex);
            string key = ReadString(ref reader, keyLine, keyColumn);
            _budget.Spend(0, key.Length, keyLine, keyColumn);
            if (!places.TryAdd(key, keyLine))
            {
                throw new ManifestSyntaxException(ManifestReason.DuplicateKey, keyLine, keyColumn,
                    $"gives the key {ManifestText.Quote(key)} a second time; the first is on line {places[key]}", "keep one of the two");
            }
            reader.Read();
            entries.Add(new ManifestEntry(key, keyLine, keyColumn, ReadNode(ref reader, depth + 1)));
        }
        return ManifestNode.Mapping(entries, line, column);
    }

    private static string ReadString(ref Utf8JsonReader reader, int line, int column)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ManifestSyntaxException(ManifestReason.NotUtf8, line, column, "has half of a surrogate pair in a \\u escape",
                "write both halves, or the character itself");
        }
    }

    private static ManifestNode ReadNumber(ref Utf8JsonReader reader, int line, int column)
    {
        string text = Encoding.ASCII.GetString(reader.ValueSpan);
        if (reader.TryGetInt64(out long integer)) return ManifestNode.Int(integer, text, line, column);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? ManifestNode.Float(number, text, line, column)
            : throw new ManifestSyntaxException(ManifestReason.OutOfRange, line, column,
                $"has the number {ManifestText.Plain(text)}, which is too large", "write a smaller number");
    }

    /// <summary>Tokens come in order, so the lines before each are counted once.</summary>
    private (int Line, int Column) Place(long offset)
    {
        ReadOnlySpan<byte> passed = _utf8.Span[_offset..(int)offset];
        int newline = passed.LastIndexOf((byte)'\n');
        if (newline >= 0)
        {
            _line += passed.Count((byte)'\n');
            _column = 1;
            passed = passed[(newline + 1)..];
        }
        _column += ManifestText.CountCharacters(passed);
        _offset = (int)offset;
        return (_line, _column);
    }
}
