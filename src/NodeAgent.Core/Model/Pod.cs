namespace NodeAgent.Core.Model;

/// <summary>A pod, as in core/v1 of Kubernetes 1.36.</summary>
public sealed record Pod
{
    public string? ApiVersion { get; init; }
    public string? Kind { get; init; }
    public ObjectMeta? Metadata { get; init; }
    public PodSpec? Spec { get; init; }
    public PodStatus? Status { get; init; }
}
