namespace NodeAgent.Core.Model;

public sealed record Affinity
{
    public NodeAffinity? NodeAffinity { get; init; }
    public PodAffinity? PodAffinity { get; init; }
    public PodAntiAffinity? PodAntiAffinity { get; init; }
}

public sealed record NodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }
    public IReadOnlyList<PreferredSchedulingTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; init; }
}

public sealed record NodeSelector
{
    public IReadOnlyList<NodeSelectorTerm>? NodeSelectorTerms { get; init; }
}

public sealed record NodeSelectorTerm
{
    public IReadOnlyList<NodeSelectorRequirement>? MatchExpressions { get; init; }
    public IReadOnlyList<NodeSelectorRequirement>? MatchFields { get; init; }
}

/// <summary>Operator is one of <see cref="NodeSelectorOperator"/>.</summary>
public sealed record NodeSelectorRequirement
{
    public string? Key { get; init; }
    public string? Operator { get; init; }
    public IReadOnlyList<string>? Values { get; init; }
}

public sealed record PreferredSchedulingTerm
{
    public int? Weight { get; init; }
    public NodeSelectorTerm? Preference { get; init; }
}

public sealed record PodAffinity
{
    public IReadOnlyList<PodAffinityTerm>? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }
    public IReadOnlyList<WeightedPodAffinityTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; init; }
}

public sealed record PodAntiAffinity
{
    public IReadOnlyList<PodAffinityTerm>? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }
    public IReadOnlyList<WeightedPodAffinityTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; init; }
}

public sealed record PodAffinityTerm
{
    public LabelSelector? LabelSelector { get; init; }
    public IReadOnlyList<string>? Namespaces { get; init; }
    public string? TopologyKey { get; init; }
    public LabelSelector? NamespaceSelector { get; init; }
    public IReadOnlyList<string>? MatchLabelKeys { get; init; }
    public IReadOnlyList<string>? MismatchLabelKeys { get; init; }
}

public sealed record WeightedPodAffinityTerm
{
    public int? Weight { get; init; }
    public PodAffinityTerm? PodAffinityTerm { get; init; }
}

/// <summary>Operator is one of <see cref="TolerationOperator"/>, effect one of <see cref="TaintEffect"/>.</summary>
public sealed record Toleration
{
    public string? Key { get; init; }
    public string? Operator { get; init; }
    public string? Value { get; init; }
    public string? Effect { get; init; }
    public long? TolerationSeconds { get; init; }
}

public sealed record TopologySpreadConstraint
{
    public int? MaxSkew { get; init; }
    public string? TopologyKey { get; init; }
    public string? WhenUnsatisfiable { get; init; }
    public LabelSelector? LabelSelector { get; init; }
    public int? MinDomains { get; init; }
    public string? NodeAffinityPolicy { get; init; }
    public string? NodeTaintsPolicy { get; init; }
    public IReadOnlyList<string>? MatchLabelKeys { get; init; }
}
