namespace NodeAgent.Core.Model;

/// <summary>
/// What a pod should be (core/v1 PodSpec, Kubernetes 1.36). A null field was not given; after defaulting only fields without
/// a default are null.
/// </summary>
public sealed record PodSpec
{
    public IReadOnlyList<Volume>? Volumes { get; init; }
    public IReadOnlyList<Container>? InitContainers { get; init; }
    public IReadOnlyList<Container>? Containers { get; init; }
    public IReadOnlyList<EphemeralContainer>? EphemeralContainers { get; init; }

    /// <summary>One of <see cref="Model.RestartPolicy"/>.</summary>
    public string? RestartPolicy { get; init; }

    public long? TerminationGracePeriodSeconds { get; init; }
    public long? ActiveDeadlineSeconds { get; init; }

    /// <summary>One of <see cref="Model.DnsPolicy"/>.</summary>
    public string? DnsPolicy { get; init; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }
    public string? ServiceAccountName { get; init; }
    public string? ServiceAccount { get; init; }
    public bool? AutomountServiceAccountToken { get; init; }
    public string? NodeName { get; init; }
    public bool? HostNetwork { get; init; }
    public bool? HostPID { get; init; }
    public bool? HostIPC { get; init; }
    public bool? ShareProcessNamespace { get; init; }
    public PodSecurityContext? SecurityContext { get; init; }
    public IReadOnlyList<LocalObjectReference>? ImagePullSecrets { get; init; }
    public string? Hostname { get; init; }
    public string? Subdomain { get; init; }
    public Affinity? Affinity { get; init; }
    public string? SchedulerName { get; init; }
    public IReadOnlyList<Toleration>? Tolerations { get; init; }
    public IReadOnlyList<HostAlias>? HostAliases { get; init; }
    public string? PriorityClassName { get; init; }
    public int? Priority { get; init; }
    public PodDnsConfig? DnsConfig { get; init; }
    public IReadOnlyList<PodReadinessGate>? ReadinessGates { get; init; }
    public string? RuntimeClassName { get; init; }
    public bool? EnableServiceLinks { get; init; }

    /// <summary>One of <see cref="Model.PreemptionPolicy"/>.</summary>
    public string? PreemptionPolicy { get; init; }

    public IReadOnlyDictionary<string, Quantity>? Overhead { get; init; }
    public IReadOnlyList<TopologySpreadConstraint>? TopologySpreadConstraints { get; init; }
    public bool? SetHostnameAsFQDN { get; init; }
    public PodOS? Os { get; init; }
    public bool? HostUsers { get; init; }
    public IReadOnlyList<PodSchedulingGate>? SchedulingGates { get; init; }
    public IReadOnlyList<PodResourceClaim>? ResourceClaims { get; init; }

    /// <summary>Resources of the pod as a whole; where set they win over the sum of the containers'.</summary>
    public ResourceRequirements? Resources { get; init; }

    public string? HostnameOverride { get; init; }
    public PodSchedulingGroup? SchedulingGroup { get; init; }
}

public sealed record LocalObjectReference
{
    public string? Name { get; init; }
}

public sealed record HostAlias
{
    public string? Ip { get; init; }
    public IReadOnlyList<string>? Hostnames { get; init; }
}

public sealed record PodDnsConfig
{
    public IReadOnlyList<string>? Nameservers { get; init; }
    public IReadOnlyList<string>? Searches { get; init; }
    public IReadOnlyList<PodDnsConfigOption>? Options { get; init; }
}

public sealed record PodDnsConfigOption
{
    public string? Name { get; init; }
    public string? Value { get; init; }
}

public sealed record PodReadinessGate
{
    public string? ConditionType { get; init; }
}

public sealed record PodOS
{
    public string? Name { get; init; }
}

public sealed record PodSchedulingGate
{
    public string? Name { get; init; }
}

/// <summary>A device claim of dynamic resource allocation: exactly one of the two sources.</summary>
public sealed record PodResourceClaim
{
    public string? Name { get; init; }
    public string? ResourceClaimName { get; init; }
    public string? ResourceClaimTemplateName { get; init; }
}

public sealed record PodSchedulingGroup
{
    public string? PodGroupName { get; init; }
}
