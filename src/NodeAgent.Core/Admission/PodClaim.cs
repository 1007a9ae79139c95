using NodeAgent.Core.Model;

namespace NodeAgent.Core.Admission;

/// <summary>What one pod takes of its node while it is admitted.</summary>
public sealed record PodClaim(NodeResources Requests, IReadOnlyList<HostPort> HostPorts)
{
    public static PodClaim Of(Pod pod) => new(NodeResources.RequestedBy(pod), HostPort.Of(pod));
}
