using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;
using NodeAgent.Pods;

namespace NodeAgent.Api.Resources;

internal sealed class ManifestErrorResource : ResourceView<ManifestErrorObject>
{
    public override string Kind => "ManifestError";
    public override string ApiVersion => ApiGroup.Version;
    public override string Plural => "manifesterrors";
    public override JsonTypeInfo<ManifestErrorObject> Contract => ApiGroupJson.Default.ManifestErrorObject;

    public override IReadOnlyList<TableColumnDefinition> Columns { get; } =
    [
        Column("File", "The manifest file.", format: "name"),
        Column("Faults", "How many things are wrong in it.", type: "integer"),
        Column("Age", "Time since it has these faults."),
        Column("First fault", "The first of them, with its place."),
    ];

    public override ObjectMeta Metadata(ManifestErrorObject value) => value.Metadata;

    public override IReadOnlyList<JsonNode?> Cells(ManifestErrorObject value, DateTimeOffset now) =>
        [value.File, value.Faults.Count, Age.Of(value.Metadata.CreationTimestamp, now), Line(value.File, value.Faults[0])];

    public static ManifestErrorObject Of(FaultyManifest manifest) => new()
    {
        Metadata = new ObjectMeta { Name = Path.GetFileName(manifest.File), CreationTimestamp = manifest.Since },
        File = manifest.File,
        Faults = [.. manifest.Faults.Select(fault => new ManifestFaultObject(fault.Line, fault.Column, fault.FieldPath, fault.Message))],
    };

    /// <summary><c>file:line:column: field: message</c>, without what is not known.</summary>
    public static string Line(string file, ManifestFaultObject fault) =>
        file + (fault.Line > 0 ? $":{fault.Line}:{fault.Column}" : "") + (fault.Field is { Length: > 0 } field ? $": {field}" : "") + ": " + fault.Message;
}
