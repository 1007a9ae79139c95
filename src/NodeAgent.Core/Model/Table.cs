using System.Text.Json.Nodes;

namespace NodeAgent.Core.Model;

/// <summary>A server-side rendered table (meta.k8s.io/v1 Table), as kubectl asks for it with <c>as=Table</c>.</summary>
public sealed record Table
{
    public string Kind { get; init; } = "Table";
    public string ApiVersion { get; init; } = "meta.k8s.io/v1";
    public ListMeta Metadata { get; init; } = new();
    public IReadOnlyList<TableColumnDefinition> ColumnDefinitions { get; init; } = [];
    public IReadOnlyList<TableRow> Rows { get; init; } = [];
}

public sealed record TableColumnDefinition
{
    public string Name { get; init; } = "";

    /// <summary>An OpenAPI type: <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>.</summary>
    public string Type { get; init; } = "string";

    public string Format { get; init; } = "";
    public string Description { get; init; } = "";

    /// <summary>0 is shown always; anything above only in wide output.</summary>
    public int Priority { get; init; }
}

public sealed record TableRow
{
    /// <summary>One scalar for each column, in order.</summary>
    public IReadOnlyList<JsonNode?> Cells { get; init; } = [];

    public IReadOnlyList<TableRowCondition>? Conditions { get; init; }

    /// <summary>The object behind the row: its metadata (PartialObjectMetadata) or all of it.</summary>
    public JsonNode? Object { get; init; }
}

public sealed record TableRowCondition
{
    public string? Type { get; init; }
    public string? Status { get; init; }
    public string? Reason { get; init; }
    public string? Message { get; init; }
}
