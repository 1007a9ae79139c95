using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

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

    public int? Count(string field, int least, int most, string remedy = "write a number")
    {
        if (mapping.Find(field) is not { } entry)
            return null;
        if (entry.Value.Kind != NodeKind.Int)
            findings.Add(entry.Value, path.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected a whole number", remedy);
        else if (entry.Value.Integer < least || entry.Value.Integer > most)
            findings.Add(entry.Value, path.Field(field), ManifestReason.OutOfRange, $"is {entry.Value.Integer}", $"between {least} and {most}");
        else
            return (int)entry.Value.Integer;
        return null;
    }

    public TimeSpan? Duration(string field, TimeSpan least, TimeSpan most, string remedy = "write it as 20s or 1m30s")
    {
        if (mapping.Find(field) is not { } entry)
            return null;
        TimeSpan? duration = GoDuration.TryParse(entry.Value.Text);
        if (duration is null)
            findings.Add(entry.Value, path.Field(field), ManifestReason.InvalidValue, $"is {ManifestText.Quote(entry.Value.Text)}, which is no duration", remedy);
        else if (duration < least || duration > most)
            findings.Add(entry.Value, path.Field(field), ManifestReason.OutOfRange, $"is {ManifestText.Quote(entry.Value.Text)}", $"between {least.TotalSeconds} s and {most.TotalSeconds} s");
        return duration;
    }

    /// <summary>An amount of a resource, not negative; none is zero.</summary>
    public Quantity Amount(string field)
    {
        if (mapping.Find(field) is not { } entry)
            return Quantity.Zero;
        if (!Quantity.TryParse(entry.Value.Text, out Quantity amount, out string? problem))
            findings.Add(entry.Value, path.Field(field), ManifestReason.InvalidValue, $"is {ManifestText.Quote(entry.Value.Text)}: {problem}", "write it as 500m or 512Mi");
        else if (amount.Sign < 0)
            findings.Add(entry.Value, path.Field(field), ManifestReason.OutOfRange, $"is {amount}, which is negative", "0 or more");
        else
            return amount;
        return Quantity.Zero;
    }

    /// <summary>An object, null when it is not there or is none; what it may not hold is refused.</summary>
    public MappingReader? Section(string field, string remedy, params string[] known)
    {
        if (mapping.Find(field) is not { } entry)
            return null;
        if (entry.Value.Kind == NodeKind.Mapping)
        {
            MappingReader section = new(findings, entry.Value, path.Field(field));
            section.RefuseUnknown(known);
            return section;
        }

        findings.Add(entry.Value, path.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected an object", remedy);
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
