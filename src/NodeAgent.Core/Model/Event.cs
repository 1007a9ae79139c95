using System.Text.Json.Serialization;

namespace NodeAgent.Core.Model;

/// <summary>Something that happened to an object (core/v1 Event). Type is <c>Normal</c> or <c>Warning</c>.</summary>
public sealed record Event
{
    public string Kind { get; init; } = "Event";
    public string ApiVersion { get; init; } = "v1";
    public ObjectMeta Metadata { get; init; } = new();
    public ObjectReference InvolvedObject { get; init; } = new();
    public string? Reason { get; init; }
    public string? Message { get; init; }
    public EventSource? Source { get; init; }
    public DateTimeOffset? FirstTimestamp { get; init; }
    public DateTimeOffset? LastTimestamp { get; init; }

    /// <summary>How often the same event was seen between the two timestamps.</summary>
    public int? Count { get; init; }

    public string? Type { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? EventTime { get; init; }

    public EventSeries? Series { get; init; }
    public string? Action { get; init; }
    public ObjectReference? Related { get; init; }
    public string? ReportingComponent { get; init; }
    public string? ReportingInstance { get; init; }
}

public sealed record EventSource
{
    public string? Component { get; init; }
    public string? Host { get; init; }
}

public sealed record EventSeries
{
    public int? Count { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? LastObservedTime { get; init; }
}

/// <summary>FieldPath names a part, e.g. <c>spec.containers{web}</c>.</summary>
public sealed record ObjectReference
{
    public string? Kind { get; init; }
    public string? Namespace { get; init; }
    public string? Name { get; init; }
    public string? Uid { get; init; }
    public string? ApiVersion { get; init; }
    public string? ResourceVersion { get; init; }
    public string? FieldPath { get; init; }
}
