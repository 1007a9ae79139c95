using System.Text.Json;

namespace NodeAgent.Core.Model;

/// <summary>Metadata carried by every persisted object (meta/v1 ObjectMeta).</summary>
public sealed record ObjectMeta
{
    public string? Name { get; init; }
    public string? GenerateName { get; init; }
    public string? Namespace { get; init; }
    public string? SelfLink { get; init; }
    public string? Uid { get; init; }
    public string? ResourceVersion { get; init; }
    public long? Generation { get; init; }
    public DateTimeOffset? CreationTimestamp { get; init; }
    public DateTimeOffset? DeletionTimestamp { get; init; }
    public long? DeletionGracePeriodSeconds { get; init; }
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
    public IReadOnlyList<OwnerReference>? OwnerReferences { get; init; }
    public IReadOnlyList<string>? Finalizers { get; init; }
    public IReadOnlyList<ManagedFieldsEntry>? ManagedFields { get; init; }
}

public sealed record OwnerReference
{
    public string? ApiVersion { get; init; }
    public string? Kind { get; init; }
    public string? Name { get; init; }
    public string? Uid { get; init; }
    public bool? Controller { get; init; }
    public bool? BlockOwnerDeletion { get; init; }
}

public sealed record ManagedFieldsEntry
{
    public string? Manager { get; init; }
    public string? Operation { get; init; }
    public string? ApiVersion { get; init; }
    public DateTimeOffset? Time { get; init; }
    public string? FieldsType { get; init; }

    /// <summary>The field set in FieldsV1 notation; free-form.</summary>
    public JsonElement? FieldsV1 { get; init; }

    public string? Subresource { get; init; }
}

public sealed record LabelSelector
{
    public IReadOnlyDictionary<string, string>? MatchLabels { get; init; }
    public IReadOnlyList<LabelSelectorRequirement>? MatchExpressions { get; init; }
}

/// <summary>Operator is one of <see cref="LabelSelectorOperator"/>.</summary>
public sealed record LabelSelectorRequirement
{
    public string? Key { get; init; }
    public string? Operator { get; init; }
    public IReadOnlyList<string>? Values { get; init; }
}
