namespace NodeAgent.Core.Model;

/// <summary>What a pod is at present (core/v1 PodStatus, Kubernetes 1.36).</summary>
public sealed record PodStatus
{
    public long? ObservedGeneration { get; init; }

    /// <summary>One of <see cref="PodPhase"/>.</summary>
    public string? Phase { get; init; }

    public IReadOnlyList<PodCondition>? Conditions { get; init; }
    public string? Message { get; init; }
    public string? Reason { get; init; }
    public string? NominatedNodeName { get; init; }
    public string? HostIP { get; init; }
    public IReadOnlyList<HostIP>? HostIPs { get; init; }
    public string? PodIP { get; init; }
    public IReadOnlyList<PodIP>? PodIPs { get; init; }
    public DateTimeOffset? StartTime { get; init; }
    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; init; }
    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; init; }

    /// <summary>One of <see cref="PodQosClass"/>.</summary>
    public string? QosClass { get; init; }

    public IReadOnlyList<ContainerStatus>? EphemeralContainerStatuses { get; init; }
    public string? Resize { get; init; }
    public IReadOnlyList<PodResourceClaimStatus>? ResourceClaimStatuses { get; init; }
    public PodExtendedResourceClaimStatus? ExtendedResourceClaimStatus { get; init; }
    public IReadOnlyDictionary<string, Quantity>? AllocatedResources { get; init; }
    public ResourceRequirements? Resources { get; init; }
    public IReadOnlyList<NodeAllocatableResourceClaimStatus>? NodeAllocatableResourceClaimStatuses { get; init; }
}

/// <summary>Type is one of <see cref="PodConditionType"/>, status one of <see cref="ConditionStatus"/>.</summary>
public sealed record PodCondition
{
    public string Type { get; init; } = "";
    public long? ObservedGeneration { get; init; }
    public string Status { get; init; } = "";
    public DateTimeOffset? LastProbeTime { get; init; }
    public DateTimeOffset? LastTransitionTime { get; init; }
    public string? Reason { get; init; }
    public string? Message { get; init; }
}

public sealed record HostIP
{
    public string? Ip { get; init; }
}

public sealed record PodIP
{
    public string? Ip { get; init; }
}

public sealed record PodResourceClaimStatus
{
    public string? Name { get; init; }
    public string? ResourceClaimName { get; init; }
}

public sealed record PodExtendedResourceClaimStatus
{
    public IReadOnlyList<ContainerExtendedResourceRequest>? RequestMappings { get; init; }
    public string? ResourceClaimName { get; init; }
}

public sealed record ContainerExtendedResourceRequest
{
    public string? ContainerName { get; init; }
    public string? ResourceName { get; init; }
    public string? RequestName { get; init; }
}

public sealed record NodeAllocatableResourceClaimStatus
{
    public string? ResourceClaimName { get; init; }
    public IReadOnlyList<string>? Containers { get; init; }
    public IReadOnlyDictionary<string, Quantity>? Resources { get; init; }
}
