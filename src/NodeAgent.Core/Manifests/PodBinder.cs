using System.Buffers;
using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// Walks a document beside the Pod's schema: every unknown field, wrong type and unsupported field becomes a finding with its place;
/// what fits is written as JSON, from which the generated contract makes the Pod.
/// </summary>
internal sealed class PodBinder
{
    private readonly ManifestFindings _findings;
    private readonly Utf8JsonWriter _writer;

    private PodBinder(ManifestFindings findings, Utf8JsonWriter writer)
    {
        _findings = findings;
        _writer = writer;
    }

    /// <returns>The Pod as written, without defaults; null when it does not fit the model.</returns>
    public static Pod? Bind(ManifestNode document, FieldPath path, ManifestFindings findings)
    {
        int before = findings.Errors.Count;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            new PodBinder(findings, writer).Write(document, ManifestSchema.Pod, path, FieldSupport.Root);
        }
        bool onlySupport = findings.Errors.Skip(before).All(e => e.Reason is ManifestReason.NotYet or ManifestReason.Refused);
        if (!onlySupport || findings.IsFull) return null;
        return JsonSerializer.Deserialize(buffer.WrittenSpan, KubernetesJson.Wire.Pod);
    }

    private void Write(ManifestNode node, ManifestSchema schema, FieldPath path, FieldSupport.Cursor support)
    {
        switch (schema.Kind)
        {
            case SchemaKind.Object:
                WriteObject(node, schema, path, support);
                break;
            case SchemaKind.List:
                WriteList(node, schema, path, support);
                break;
            case SchemaKind.Map:
                WriteMap(node, schema, path, support);
                break;
            case SchemaKind.Any:
                WriteAny();
                break;
            default:
                WriteScalar(node, schema.Kind, path);
                break;
        }
    }

    private void WriteObject(ManifestNode node, ManifestSchema schema, FieldPath path, FieldSupport.Cursor support)
    {
        _writer.WriteStartObject();
        if (node.Kind != NodeKind.Mapping)
        {
            string remedy = node.Kind == NodeKind.Sequence ? "remove the dash" : "write fields under it, indented";
            WrongType(node, path, "a mapping of fields", remedy);
        }
        foreach (ManifestEntry entry in node.Entries)
        {
            if (_findings.IsFull) break;
            FieldPath fieldPath = path.Field(entry.Key);
            if (!schema.Fields.TryGetValue(entry.Key, out ManifestSchema? field))
            {
                UnknownField(entry, schema, fieldPath);
                continue;
            }
            if (entry.Value.Kind == NodeKind.Null) continue;
            FieldSupport.Cursor fieldSupport = support.Field(entry.Key);
            CheckSupport(entry, fieldPath, fieldSupport);
            if (fieldSupport.Effective is { IsServerOutput: true }) continue;
            _writer.WritePropertyName(entry.Key);
            Write(entry.Value, field, fieldPath, fieldSupport);
        }
        _writer.WriteEndObject();
    }

    /// <summary>An empty list or mapping asks for nothing, so it is never unsupported.</summary>
    private void CheckSupport(ManifestEntry entry, FieldPath path, FieldSupport.Cursor cursor)
    {
        if (!cursor.Starts(out FieldSupport? support) || (entry.Value.IsEmpty && !support.EvenIfEmpty)) return;
        if (support.Level == SupportLevel.Honoured || support.Accepts(entry.Value)) return;
        switch (support.Level)
        {
            case SupportLevel.NoEffectOnOneNode:
                _findings.Note(entry, path, $"accepted, without effect on one node: {support.Reason}");
                break;
            case SupportLevel.NotYet:
                _findings.Add(entry, path, ManifestReason.NotYet, $"is not supported yet: {support.Reason}", support.Remedy);
                break;
            default:
                _findings.Add(entry, path, ManifestReason.Refused, $"is not supported: {support.Reason}", support.Remedy);
                break;
        }
    }

    private void WriteList(ManifestNode node, ManifestSchema schema, FieldPath path, FieldSupport.Cursor support)
    {
        _writer.WriteStartArray();
        if (node.Kind != NodeKind.Sequence)
        {
            string remedy = node.Kind == NodeKind.Mapping ? "put \"- \" before its first field and indent the others" : "put \"- \" before it";
            WrongType(node, path, "a list", remedy);
        }
        FieldSupport.Cursor itemSupport = support.Item();
        for (int i = 0; i < node.Items.Count && !_findings.IsFull; i++)
        {
            ManifestNode item = node.Items[i];
            FieldPath itemPath = path.Index(i);
            if (item.Kind == NodeKind.Null && schema.Element.Kind != SchemaKind.String)
                WrongType(item, itemPath, "a value", "remove the dash, or write something after it");
            else
                Write(item, schema.Element, itemPath, itemSupport);
        }
        _writer.WriteEndArray();
    }

    private void WriteMap(ManifestNode node, ManifestSchema schema, FieldPath path, FieldSupport.Cursor support)
    {
        _writer.WriteStartObject();
        if (node.Kind != NodeKind.Mapping)
            WrongType(node, path, "a mapping of keys to values", "write \"key: value\" lines under it, indented");
        foreach (ManifestEntry entry in node.Entries)
        {
            if (_findings.IsFull) break;
            FieldPath entryPath = path.Key(entry.Key);
            if (ManifestText.HasLoneSurrogate(entry.Key)) BadText(entry.Value, entryPath);
            _writer.WritePropertyName(ManifestText.HasLoneSurrogate(entry.Key) ? "" : entry.Key);
            Write(entry.Value, schema.Element, entryPath, support);
        }
        _writer.WriteEndObject();
    }

    private void WriteScalar(ManifestNode node, SchemaKind kind, FieldPath path)
    {
        switch (kind)
        {
            case SchemaKind.String or SchemaKind.Time:
                WriteString(node, kind, path);
                break;
            case SchemaKind.Bool:
                if (node.Kind != NodeKind.Bool) WrongType(node, path, "true or false", Unquote(node, "true or false"));
                _writer.WriteBooleanValue(node.Integer != 0);
                break;
            case SchemaKind.Int32:
                WriteInteger(node, path, int.MinValue, int.MaxValue);
                break;
            case SchemaKind.Int64:
                WriteInteger(node, path, long.MinValue, long.MaxValue);
                break;
            case SchemaKind.IntOrString:
                WriteIntOrString(node, path);
                break;
            default:
                WriteQuantity(node, path);
                break;
        }
    }

    private void WriteString(ManifestNode node, SchemaKind kind, FieldPath path)
    {
        if (node.Kind is NodeKind.Bool or NodeKind.Int or NodeKind.Float)
            WrongType(node, path, "a string", $"quote it: \"{ManifestText.Plain(node.Text)}\"");
        else if (node.Kind is NodeKind.Sequence or NodeKind.Mapping)
            WrongType(node, path, "a string", "");
        else if (kind == SchemaKind.Time && !Rfc3339.TryParse(node.Text, out _))
            _findings.Add(node, path, ManifestReason.InvalidValue, $"{node.Description} is not a time", "write it as 2026-01-31T09:30:00Z");
        else if (ManifestText.HasLoneSurrogate(node.Text))
            BadText(node, path);
        else
        {
            _writer.WriteStringValue(node.Text);
            return;
        }
        _writer.WriteStringValue("");
    }

    private void WriteInteger(ManifestNode node, FieldPath path, long smallest, long largest)
    {
        long value = node.Integer;
        bool whole = node.Kind == NodeKind.Int;
        if (node.Kind == NodeKind.Float && Math.Abs(node.Number) < 1e15 && double.IsInteger(node.Number))
        {
            value = (long)node.Number;
            whole = true;
        }
        if (!whole)
        {
            WrongType(node, path, "a whole number", Unquote(node, "a whole number"));
        }
        else if (value < smallest || value > largest)
        {
            _findings.Add(node, path, ManifestReason.OutOfRange,
                string.Create(CultureInfo.InvariantCulture, $"{value} is not between {smallest} and {largest}"), "");
        }
        _writer.WriteNumberValue(whole && value >= smallest && value <= largest ? value : 0);
    }

    private void WriteIntOrString(ManifestNode node, FieldPath path)
    {
        if (node.Kind == NodeKind.String && !ManifestText.HasLoneSurrogate(node.Text)) _writer.WriteStringValue(node.Text);
        else if (node.Kind == NodeKind.Int) WriteInteger(node, path, int.MinValue, int.MaxValue);
        else
        {
            WrongType(node, path, "a whole number or a name", "");
            _writer.WriteNumberValue(0);
        }
    }

    private void WriteQuantity(ManifestNode node, FieldPath path)
    {
        string text = node.Kind == NodeKind.Int ? node.Integer.ToString(CultureInfo.InvariantCulture) : node.Text;
        if (node.Kind is not (NodeKind.Int or NodeKind.Float or NodeKind.String))
            WrongType(node, path, "a quantity such as 500m or 1Gi", "");
        else if (!Quantity.TryParse(text, out _, out string? problem))
            _findings.Add(node, path, ManifestReason.InvalidValue, ManifestText.Plain(problem, 200), "");
        else
        {
            _writer.WriteStringValue(text);
            return;
        }
        _writer.WriteStringValue("0");
    }

    /// <summary>Free-form JSON is carried along only in metadata that the agent does not use.</summary>
    private void WriteAny() => _writer.WriteNullValue();

    private void UnknownField(ManifestEntry entry, ManifestSchema schema, FieldPath path)
    {
        string? nearest = Spelling.Nearest(entry.Key, schema.Fields.Keys);
        _findings.Add(entry, path, ManifestReason.UnknownField, "is not a field of the Pod API",
            nearest is null ? "remove it, or look whether it belongs one level up or down" : $"did you mean {nearest}?");
    }

    private void WrongType(ManifestNode node, FieldPath path, string expected, string remedy) =>
        _findings.Add(node, path, ManifestReason.WrongType, $"is {node.Description}, expected {expected}", remedy);

    private void BadText(ManifestNode node, FieldPath path) =>
        _findings.Add(node, path, ManifestReason.InvalidValue, "has half of a surrogate pair", "write the character itself");

    private static string Unquote(ManifestNode node, string expected)
    {
        if (node.Kind != NodeKind.String) return "";
        NodeKind bare = YamlScalars.Resolve(node.Text, 0, 0).Kind;
        return bare is NodeKind.Bool or NodeKind.Int ? "remove the quotes" : $"write {expected}";
    }
}
