using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Api.Resources;

/// <summary>Columns as kube-apiserver gives them for events.</summary>
internal sealed class EventResource : ResourceView<Event>
{
    public override string Kind => "Event";
    public override string ApiVersion => "v1";
    public override string Plural => "events";
    public override JsonTypeInfo<Event> Contract => KubernetesJson.Wire.Event;

    public override IReadOnlyList<TableColumnDefinition> Columns { get; } =
    [
        Column("Last Seen", "Time since it happened last."),
        Column("Type", "Normal or Warning."),
        Column("Reason", "Why, in one word."),
        Column("Object", "What it happened to."),
        Column("Subobject", "The part it happened to.", 1),
        Column("Source", "Who says so.", 1),
        Column("Message", "What happened."),
        Column("First Seen", "Time since it happened first.", 1),
        Column("Count", "How often it happened.", 1, "integer"),
        Column("Name", "Name of the event.", 1, format: "name"),
    ];

    public override ObjectMeta Metadata(Event value) => value.Metadata;

    public override IReadOnlyList<JsonNode?> Cells(Event value, DateTimeOffset now) =>
    [
        Age.Of(value.LastTimestamp, now), value.Type, value.Reason, $"{value.InvolvedObject.Kind?.ToLowerInvariant()}/{value.InvolvedObject.Name}",
        value.InvolvedObject.FieldPath ?? "", Source(value), value.Message?.Trim(), Age.Of(value.FirstTimestamp, now), value.Count ?? 1, value.Metadata.Name,
    ];

    private static string Source(Event value) => value.Source?.Host is { Length: > 0 } host ? $"{value.Source.Component}, {host}" : value.Source?.Component ?? "";
}
