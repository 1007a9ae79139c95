using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>How the objects of one kind go over the wire, alone, in lists and as table rows.</summary>
internal abstract class ResourceView<T>
{
    public abstract string Kind { get; }
    public abstract string ApiVersion { get; }

    /// <summary>The plural in paths and messages: <c>pods</c>.</summary>
    public abstract string Plural { get; }

    public abstract JsonTypeInfo<T> Contract { get; }
    public abstract IReadOnlyList<TableColumnDefinition> Columns { get; }

    public abstract ObjectMeta Metadata(T value);

    /// <summary>One scalar for each of <see cref="Columns"/>.</summary>
    public abstract IReadOnlyList<JsonNode?> Cells(T value, DateTimeOffset now);

    protected static TableColumnDefinition Column(string name, string description, int priority = 0, string type = "string", string format = "") =>
        new() { Name = name, Type = type, Format = format, Priority = priority, Description = description };
}
