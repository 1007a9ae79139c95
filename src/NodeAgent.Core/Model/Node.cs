namespace NodeAgent.Core.Model;

/// <summary>The machine (core/v1 Node).</summary>
public sealed record Node
{
    public string Kind { get; init; } = "Node";
    public string ApiVersion { get; init; } = "v1";
    public ObjectMeta Metadata { get; init; } = new();
    public NodeSpec Spec { get; init; } = new();
    public NodeStatus Status { get; init; } = new();
}

public sealed record NodeSpec
{
    public string? PodCIDR { get; init; }
    public IReadOnlyList<string>? PodCIDRs { get; init; }
    public string? ProviderID { get; init; }
    public bool? Unschedulable { get; init; }
    public IReadOnlyList<Taint>? Taints { get; init; }
}

public sealed record Taint
{
    public string? Key { get; init; }
    public string? Value { get; init; }
    public string? Effect { get; init; }
    public DateTimeOffset? TimeAdded { get; init; }
}

public sealed record NodeStatus
{
    public IReadOnlyDictionary<string, Quantity>? Capacity { get; init; }
    public IReadOnlyDictionary<string, Quantity>? Allocatable { get; init; }
    public string? Phase { get; init; }
    public IReadOnlyList<NodeCondition>? Conditions { get; init; }
    public IReadOnlyList<NodeAddress>? Addresses { get; init; }
    public NodeDaemonEndpoints? DaemonEndpoints { get; init; }
    public NodeSystemInfo? NodeInfo { get; init; }
    public IReadOnlyList<ContainerImage>? Images { get; init; }
    public IReadOnlyList<NodeRuntimeHandler>? RuntimeHandlers { get; init; }
    public NodeFeatures? Features { get; init; }
    public IReadOnlyList<string>? DeclaredFeatures { get; init; }
    public IReadOnlyList<string>? VolumesInUse { get; init; }
}

/// <summary>Type is one of <see cref="NodeConditionType"/>, status one of <see cref="ConditionStatus"/>.</summary>
public sealed record NodeCondition
{
    public string Type { get; init; } = "";
    public string Status { get; init; } = "";
    public DateTimeOffset? LastHeartbeatTime { get; init; }
    public DateTimeOffset? LastTransitionTime { get; init; }
    public string? Reason { get; init; }
    public string? Message { get; init; }
}

/// <summary>Type is <c>Hostname</c>, <c>InternalIP</c>, <c>ExternalIP</c>, <c>InternalDNS</c> or <c>ExternalDNS</c>.</summary>
public sealed record NodeAddress
{
    public string Type { get; init; } = "";
    public string Address { get; init; } = "";
}

public sealed record NodeDaemonEndpoints
{
    public DaemonEndpoint? KubeletEndpoint { get; init; }
}

public sealed record DaemonEndpoint
{
    [System.Text.Json.Serialization.JsonPropertyName("Port")]
    public int Port { get; init; }
}

public sealed record NodeSystemInfo
{
    public string MachineID { get; init; } = "";
    public string SystemUUID { get; init; } = "";
    public string BootID { get; init; } = "";
    public string KernelVersion { get; init; } = "";
    public string OsImage { get; init; } = "";
    public string ContainerRuntimeVersion { get; init; } = "";
    public string KubeletVersion { get; init; } = "";
    public string KubeProxyVersion { get; init; } = "";
    public string OperatingSystem { get; init; } = "";
    public string Architecture { get; init; } = "";
    public NodeSwapStatus? Swap { get; init; }
}

/// <summary>Capacity is in bytes.</summary>
public sealed record NodeSwapStatus
{
    public long? Capacity { get; init; }
}

public sealed record ContainerImage
{
    public IReadOnlyList<string>? Names { get; init; }
    public long? SizeBytes { get; init; }
}

public sealed record NodeRuntimeHandler
{
    public string? Name { get; init; }
    public NodeRuntimeHandlerFeatures? Features { get; init; }
}

public sealed record NodeRuntimeHandlerFeatures
{
    public bool? RecursiveReadOnlyMounts { get; init; }
    public bool? UserNamespaces { get; init; }
}

public sealed record NodeFeatures
{
    public bool? SupplementalGroupsPolicy { get; init; }
}
