using System.Text.Json;

namespace NodeAgent.Core.Model;

/// <summary>Metadata of a list or of any answer that is not one object (meta/v1 ListMeta).</summary>
public sealed record ListMeta
{
    public string? SelfLink { get; init; }
    public string? ResourceVersion { get; init; }
    public string? Continue { get; init; }
    public long? RemainingItemCount { get; init; }
}

public sealed record PodList
{
    public string Kind { get; init; } = "PodList";
    public string ApiVersion { get; init; } = "v1";
    public ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<Pod> Items { get; init; } = [];
}

public sealed record NodeList
{
    public string Kind { get; init; } = "NodeList";
    public string ApiVersion { get; init; } = "v1";
    public ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<Node> Items { get; init; } = [];
}

public sealed record EventList
{
    public string Kind { get; init; } = "EventList";
    public string ApiVersion { get; init; } = "v1";
    public ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<Event> Items { get; init; } = [];
}

/// <summary><c>kind: List</c>: items of any kind, not yet looked into.</summary>
public sealed record List
{
    public string Kind { get; init; } = "List";
    public string ApiVersion { get; init; } = "v1";
    public ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<JsonElement> Items { get; init; } = [];
}

/// <summary>One line of a watch stream. Type is ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.</summary>
public sealed record WatchEvent
{
    public string Type { get; init; } = "";
    public JsonElement Object { get; init; }
}
