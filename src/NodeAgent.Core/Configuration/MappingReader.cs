using NodeAgent.Core.Manifests;

namespace NodeAgent.Core.Configuration;

/// <summary>Reads the fields of one object of a configuration file; what is not as it should be becomes a finding with its place, and reads as absent.</summary>
internal readonly struct MappingReader(ManifestFindings findings, ManifestNode mapping, FieldPath path)
{
    public ManifestNode Mapping => mapping;

    public void Expect(string field, string value, ManifestReason reason)
    {
        if (mapping.Find(field) is not { } entry)
            findings.Add(mapping, path.Field(field), ManifestReason.MissingKind, "is missing", $"write \"{field}: {value}\"");
        else if (entry.Value.Text != value)
            findings.Add(entry, path.Field(field), reason, $"is {ManifestText.Quote(entry.Value.Text)}", $"write \"{field}: {value}\"");
    }

    public void RefuseUnknown(params string[] known)
    {
        foreach (ManifestEntry entry in mapping.Entries.Where(entry => !known.Contains(entry.Key, StringComparer.Ordinal)))
        {
            string remedy = Spelling.Nearest(entry.Key, known) is { } nearest ? $"did you mean {nearest}?" : "remove it";
            findings.Add(entry, path.Field(entry.Key), ManifestReason.UnknownField, "is not a setting of the agent", remedy);
        }
    }

    public string? Text(string field)
    {
        if (mapping.Find(field) is not { } entry || entry.Value.Kind == NodeKind.Null)
            return null;
        if (entry.Value.Kind == NodeKind.String && entry.Value.Text.Length > 0)
            return entry.Value.Text;
        findings.Add(entry.Value, path.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected text", "quote it");
        return null;
    }

    /// <summary>An absolute path.</summary>
    public string? AbsolutePath(string field)
    {
        string? text = Text(field);
        if (text is not null && text[0] != '/')
            findings.Add(mapping.Find(field)!.Value, path.Field(field), ManifestReason.InvalidValue, $"is {ManifestText.Quote(text)}, expected an absolute path", "start it with a slash");
        return text;
    }

    public string? OneOf(string field, params string[] allowed)
    {
        string? text = Text(field);
        if (text is not null && !allowed.Contains(text, StringComparer.Ordinal))
            findings.Add(mapping.Find(field)!.Value, path.Field(field), ManifestReason.UnsupportedValue, $"is {ManifestText.Quote(text)}", "one of: " + string.Join(", ", allowed));
        return text;
    }

    public bool? Bool(string field)
    {
        if (mapping.Find(field) is not { } entry)
            return null;
        if (entry.Value.Kind == NodeKind.Bool)
            return entry.Value.Integer != 0;
        findings.Add(entry.Value, path.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected true or false", "write true or false");
        return null;
    }

    /// <summary>The items of a list, each with its path; none when the field is not there or is no list.</summary>
    public IEnumerable<MappingReader> Items(string field, string remedy)
    {
        if (mapping.Find(field) is not { } entry || entry.Value.Kind == NodeKind.Null)
            yield break;
        FieldPath list = path.Field(field);
        if (entry.Value.Kind != NodeKind.Sequence)
        {
            findings.Add(entry.Value, list, ManifestReason.WrongType, $"is {entry.Value.Description}, expected a list", remedy);
            yield break;
        }
        for (int i = 0; i < entry.Value.Items.Count; i++)
        {
            ManifestNode item = entry.Value.Items[i];
            if (item.Kind == NodeKind.Mapping)
                yield return new MappingReader(findings, item, list.Index(i));
            else
                findings.Add(item, list.Index(i), ManifestReason.WrongType, $"is {item.Description}, expected an object", remedy);
        }
    }

    public void Add(string field, ManifestReason reason, string message, string remedy)
    {
        if (mapping.Find(field) is { } entry)
            findings.Add(entry.Value, path.Field(field), reason, message, remedy);
        else
            findings.Add(mapping, path.Field(field), reason, message, remedy);
    }
}
