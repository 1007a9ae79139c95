using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>A field under validation and where its findings go. The checks add a finding and return whether the value passed.</summary>
internal readonly struct ValidationScope(ManifestFindings findings, FieldPath path)
{
    public ValidationScope this[string field] => new(findings, path.Field(field));

    public ValidationScope this[int index] => new(findings, path.Index(index));

    public ValidationScope Key(string key) => new(findings, path.Key(key));

    public void Error(ManifestReason reason, string message, string remedy = "") => findings.Add(path, reason, message, remedy);

    public void Missing(string remedy = "") => Error(ManifestReason.MissingField, "is missing", remedy);

    public void Invalid(string message, string remedy = "") => Error(ManifestReason.InvalidValue, message, remedy);

    public void Exclusive(string message, string remedy = "") => Error(ManifestReason.ExclusiveFields, message, remedy);

    public void Duplicate(string value) =>
        Error(ManifestReason.DuplicateValue, $"{ManifestText.Quote(value)} is given twice", "give one of them another value");

    public bool Required(string? value, string remedy = "")
    {
        if (!string.IsNullOrEmpty(value)) return true;
        Missing(remedy);
        return false;
    }

    /// <summary>Null passes: whether the field is needed is another question.</summary>
    public bool OneOf(string? value, params ReadOnlySpan<string> allowed)
    {
        if (value is null || allowed.Contains(value)) return true;
        string list = string.Join(", ", allowed.ToArray().Where(a => a.Length > 0));
        string? nearest = Spelling.Nearest(value, allowed.ToArray());
        Error(ManifestReason.UnsupportedValue, $"is {ManifestText.Quote(value)}, expected one of {list}",
            string.IsNullOrEmpty(nearest) ? "" : $"did you mean {nearest}?");
        return false;
    }

    public bool InRange(long? value, long smallest, long largest)
    {
        if (value is null || (value >= smallest && value <= largest)) return true;
        string range = largest == long.MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"at least {smallest}")
            : string.Create(CultureInfo.InvariantCulture, $"between {smallest} and {largest}");
        Error(ManifestReason.OutOfRange, string.Create(CultureInfo.InvariantCulture, $"is {value}, expected {range}"));
        return false;
    }

    public bool Spelled(string? value, Func<string?, bool> rule, string words)
    {
        if (value is null || rule(value)) return true;
        string remedy = value.Length <= 253 && rule(value.ToLowerInvariant().Replace('_', '-'))
            ? $"write {ManifestText.Quote(value.ToLowerInvariant().Replace('_', '-'))}"
            : "";
        Invalid($"is {ManifestText.Quote(value)}, expected {words}", remedy);
        return false;
    }

    public bool DnsLabel(string? value) => Spelled(value, Syntax.IsDnsLabel, Syntax.DnsLabelRule);

    public bool DnsSubdomain(string? value) => Spelled(value, Syntax.IsDnsSubdomain, Syntax.DnsSubdomainRule);

    public bool QualifiedName(string? value) => Spelled(value, Syntax.IsQualifiedName, Syntax.QualifiedNameRule);

    public bool IPAddress(string? value) => Spelled(value, Syntax.IsIPAddress, "an IP address");

    /// <summary>A user or group id.</summary>
    public bool Id(long? value) => InRange(value, 0, int.MaxValue);

    public bool Port(long? value) => InRange(value, 1, 65535);

    public bool NamedPort(IntOrString? value)
    {
        if (value is not { } port)
        {
            Missing("write a port number, or the name of a port of the container");
            return false;
        }
        return port.IsInt ? Port(port.IntValue) : Spelled(port.StringValue, Syntax.IsPortName, "a port name: " + Syntax.PortNameRule);
    }

    /// <summary>Permission bits of a file.</summary>
    public bool FileMode(int? value)
    {
        if (value is null or (>= 0 and <= 511)) return true;
        Error(ManifestReason.OutOfRange, string.Create(CultureInfo.InvariantCulture, $"is {value}, expected a mode between 0 and 0777"),
            "in YAML write an octal number with a leading zero; in JSON, which has none, write it in decimal");
        return false;
    }
}
