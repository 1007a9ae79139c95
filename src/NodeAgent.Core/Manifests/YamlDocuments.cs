using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// YAML text to documents. Only the parser's events are used; nothing is bound by name. Anchors, aliases and merge keys work within
/// <see cref="ManifestBudget"/>; a key given twice, a tag nobody knows and a key that is not text are errors.
/// </summary>
internal sealed class YamlDocuments
{
    private const string TagPrefix = "tag:yaml.org,2002:";

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly ManifestBudget _budget = new();
    private readonly Dictionary<AnchorName, ManifestNode> _anchors = [];
    private readonly IReadOnlyDictionary<int, int> _tabIndents;
    private int _flowDepth;
    private int _lastLine;

    private YamlDocuments(string text)
    {
        _scanner = new Scanner(new StringReader(text), skipComments: true);
        _parser = new Parser(_scanner);
        _tabIndents = YamlFaults.TabIndents(text);
    }

    /// <summary>The documents that hold something, in order.</summary>
    /// <exception cref="ManifestSyntaxException">The text is not YAML, or more of it than is allowed.</exception>
    public static IReadOnlyList<ManifestNode> Read(string text)
    {
        var documents = new YamlDocuments(text);
        try
        {
            return documents.ReadAll();
        }
        catch (YamlException e)
        {
            throw documents.Explain((int)e.Start.Line, (int)e.Start.Column, e.Message);
        }
        catch (Exception e) when (e is not ManifestSyntaxException and not OutOfMemoryException)
        {
            throw documents.Explain(documents._lastLine, 1, e.Message);
        }
    }

    /// <summary>The parser reports a tab at the start of the mapping around it; the scanner has stopped at the tab itself.</summary>
    private ManifestSyntaxException Explain(int line, int column, string complaint)
    {
        if (complaint.Contains("tab", StringComparison.OrdinalIgnoreCase)) line = (int)_scanner.CurrentPosition.Line;
        foreach (int near in (ReadOnlySpan<int>)[line, line + 1, line - 1])
        {
            if (_tabIndents.TryGetValue(near, out int tab)) return YamlFaults.Tab(near, tab);
        }
        return YamlFaults.Explain(line, column, complaint);
    }

    private List<ManifestNode> ReadAll()
    {
        var documents = new List<ManifestNode>();
        while (_parser.MoveNext())
        {
            if (_parser.Current is not DocumentStart) continue;
            _anchors.Clear();
            ManifestNode document = ReadNode(Next(), 1);
            if (document.Kind != NodeKind.Null) documents.Add(document);
        }
        return documents;
    }

    private ParsingEvent Next() =>
        _parser.MoveNext() && _parser.Current is { } current ? current : throw new YamlException("the text ends too early");

    private ManifestNode ReadNode(ParsingEvent start, int depth)
    {
        int line = (int)start.Start.Line, column = (int)start.Start.Column;
        ManifestBudget.CheckDepth(depth, line, column);
        RefuseTabIndent(line);
        if (start is AnchorAlias alias) return ReadAlias(alias, line, column);
        if (start is MappingStart or SequenceStart) CheckCollectionTag((NodeEvent)start, line, column);
        ManifestNode node = start switch
        {
            Scalar scalar => ReadScalar(scalar, line, column),
            SequenceStart sequence => InFlow(sequence.Style == SequenceStyle.Flow, () => ReadSequence(depth, line, column)),
            MappingStart mapping => InFlow(mapping.Style == MappingStyle.Flow, () => ReadMapping(depth, line, column)),
            _ => throw new YamlException(start.Start, start.End, "unexpected " + start),
        };
        _budget.Spend(1, node.Kind is NodeKind.Sequence or NodeKind.Mapping ? 0 : node.Characters, line, column);
        if (start is NodeEvent { Anchor.IsEmpty: false } anchored) _anchors[anchored.Anchor] = node;
        return node;
    }

    /// <summary>
    /// The parser takes a tab for white space and would put the line at the wrong level, where other YAML tools stop. Inside brackets, where
    /// indentation means nothing, and in the lines of a longer scalar, where nothing starts, tabs are fine.
    /// </summary>
    private void RefuseTabIndent(int line)
    {
        bool firstOfLine = line > _lastLine;
        _lastLine = line;
        if (firstOfLine && _flowDepth == 0 && _tabIndents.TryGetValue(line, out int tab)) throw YamlFaults.Tab(line, tab);
    }

    private ManifestNode ReadAlias(AnchorAlias alias, int line, int column)
    {
        if (!_anchors.TryGetValue(alias.Value, out ManifestNode? target))
        {
            throw new ManifestSyntaxException(ManifestReason.UndefinedAlias, line, column,
                $"refers to the anchor {ManifestText.Quote(alias.Value.Value)}, which is not defined before it in this document",
                "define the anchor earlier with &, or write the value out");
        }
        _budget.Spend(target.Values, target.Characters, line, column);
        return target;
    }

    private static void CheckCollectionTag(NodeEvent start, int line, int column)
    {
        if (start.Tag.IsEmpty || start.Tag.IsNonSpecific) return;
        if (start.Tag.Value == (start is MappingStart ? TagPrefix + "map" : TagPrefix + "seq")) return;
        throw new ManifestSyntaxException(ManifestReason.UnsupportedTag, line, column,
            $"has the tag {ManifestText.Quote(start.Tag.Value)}, which does not fit the value or is not supported", "remove the tag");
    }

    private static ManifestNode ReadScalar(Scalar scalar, int line, int column)
    {
        if (scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific)
            return scalar.IsPlainImplicit && scalar.Style == ScalarStyle.Plain
                ? YamlScalars.Resolve(scalar.Value, line, column)
                : ManifestNode.String(scalar.Value, line, column);
        string tag = scalar.Tag.Value;
        ManifestNode resolved = YamlScalars.Resolve(scalar.Value, line, column);
        bool fits = tag switch
        {
            TagPrefix + "int" => resolved.Kind == NodeKind.Int,
            TagPrefix + "float" => resolved.Kind is NodeKind.Float or NodeKind.Int,
            TagPrefix + "bool" => resolved.Kind == NodeKind.Bool,
            TagPrefix + "null" => resolved.Kind == NodeKind.Null,
            _ => false,
        };
        if (tag == TagPrefix + "str") return ManifestNode.String(scalar.Value, line, column);
        if (fits) return resolved;
        throw new ManifestSyntaxException(ManifestReason.UnsupportedTag, line, column,
            $"has the tag {ManifestText.Quote(tag)}, which does not fit the value or is not supported",
            "remove the tag; quote the value if it is text");
    }

    private ManifestNode InFlow(bool flow, Func<ManifestNode> read)
    {
        if (flow) _flowDepth++;
        ManifestNode node = read();
        if (flow) _flowDepth--;
        return node;
    }

    private ManifestNode ReadSequence(int depth, int line, int column)
    {
        var items = new List<ManifestNode>();
        for (ParsingEvent next = Next(); next is not SequenceEnd; next = Next()) items.Add(ReadNode(next, depth + 1));
        return ManifestNode.Sequence(items, line, column);
    }

    private ManifestNode ReadMapping(int depth, int line, int column)
    {
        var entries = new List<ManifestEntry>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var merges = new List<ManifestNode>();
        for (ParsingEvent next = Next(); next is not MappingEnd; next = Next())
        {
            int keyLine = (int)next.Start.Line, keyColumn = (int)next.Start.Column;
            if (next is Scalar { Value: "<<", Style: ScalarStyle.Plain })
            {
                merges.Add(ReadNode(Next(), depth + 1));
                continue;
            }
            string key = ReadKey(next, depth, keyLine, keyColumn);
            if (!places.TryAdd(key, keyLine))
            {
                throw new ManifestSyntaxException(ManifestReason.DuplicateKey, keyLine, keyColumn,
                    $"gives the key {ManifestText.Quote(key)} a second time; the first is on line {places[key]}", "keep one of the two");
            }
            entries.Add(new ManifestEntry(key, keyLine, keyColumn, ReadNode(Next(), depth + 1)));
        }
        foreach (ManifestNode merge in merges) Merge(merge, entries, places);
        return ManifestNode.Mapping(entries, line, column);
    }

    private string ReadKey(ParsingEvent start, int depth, int line, int column)
    {
        ManifestNode key = ReadNode(start, depth + 1);
        bool asWritten = key.Kind switch
        {
            NodeKind.String => true,
            NodeKind.Bool => key.Text is "true" or "false",
            NodeKind.Int => key.Text == key.Integer.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => false,
        };
        if (asWritten) return key.Text;
        throw new ManifestSyntaxException(ManifestReason.BadKey, line, column, $"has a key that is {key.Description}, not text",
            "quote the key");
    }

    /// <summary>Keys written in the mapping itself win over merged ones, earlier merges over later ones.</summary>
    private void Merge(ManifestNode source, List<ManifestEntry> entries, Dictionary<string, int> places)
    {
        IReadOnlyList<ManifestNode> mappings = source.Kind == NodeKind.Sequence ? source.Items : [source];
        foreach (ManifestNode mapping in mappings)
        {
            if (mapping.Kind != NodeKind.Mapping)
            {
                throw new ManifestSyntaxException(ManifestReason.BadKey, source.Line, source.Column,
                    $"merges {mapping.Description} with <<, which takes a mapping or a list of mappings", "refer to a mapping");
            }
            foreach (ManifestEntry entry in mapping.Entries)
            {
                if (!places.TryAdd(entry.Key, entry.Line)) continue;
                _budget.Spend(1, entry.Key.Length, source.Line, source.Column);
                entries.Add(entry);
            }
        }
    }
}
