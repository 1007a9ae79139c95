namespace NodeAgent.Core.Model;

/// <summary>Limits and requests by resource name (<see cref="ResourceName"/>): cpu in cores, memory and storage in bytes.</summary>
public sealed record ResourceRequirements
{
    public IReadOnlyDictionary<string, Quantity>? Limits { get; init; }
    public IReadOnlyDictionary<string, Quantity>? Requests { get; init; }
    public IReadOnlyList<ResourceClaim>? Claims { get; init; }
}

public sealed record ResourceClaim
{
    public string? Name { get; init; }
    public string? Request { get; init; }
}

/// <summary>Resources of a volume claim: no claims of its own.</summary>
public sealed record VolumeResourceRequirements
{
    public IReadOnlyDictionary<string, Quantity>? Limits { get; init; }
    public IReadOnlyDictionary<string, Quantity>? Requests { get; init; }
}
