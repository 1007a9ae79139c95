using NodeAgent.Core.Admission;

namespace NodeAgent.Core.Configuration;

/// <summary>
/// The agent's settings as <c>/etc/podagent/config/podagent.yaml</c> writes them (<c>apiVersion: podagent.io/v1alpha1</c>,
/// <c>kind: PodAgentConfiguration</c>). Field names are the kubelet configuration's where the thing exists there. Null: not written.
/// </summary>
public sealed record AgentConfiguration
{
    public const string ExpectedApiVersion = "podagent.io/v1alpha1";
    public const string ExpectedKind = "PodAgentConfiguration";

    /// <summary>Name of this node; default the host name in lower case.</summary>
    public string? NodeName { get; init; }

    /// <summary>The manifest folder; default <c>/etc/podagent</c>.</summary>
    public string? StaticPodPath { get; init; }

    /// <summary>How often the manifest folder is listed although no event came; default 20 s.</summary>
    public TimeSpan? FileCheckFrequency { get; init; }

    /// <summary>Images, snapshots, volumes; default <c>/var/lib/podagent</c>.</summary>
    public string? RootDir { get; init; }

    /// <summary>Sockets and pod records; default <c>/run/podagent</c>.</summary>
    public string? RunDir { get; init; }

    /// <summary>Container logs; default <c>/var/log/pods</c>.</summary>
    public string? PodLogsDir { get; init; }

    /// <summary>The API's unix socket; default <c>podagent.sock</c> in <see cref="RunDir"/>.</summary>
    public string? Socket { get; init; }

    /// <summary><c>auto</c> or <c>cgroupfs</c>.</summary>
    public string? CgroupDriver { get; init; }

    /// <summary>The agent's folder in the cgroup v2 tree, relative to its mount; default <c>podagent</c>.</summary>
    public string? CgroupRoot { get; init; }

    /// <summary><c>none</c>: pods have a loopback interface of their own.</summary>
    public string? Network { get; init; }

    /// <summary>Refuse pods whose limits this node cannot enforce; default false: they run with the condition ResourcesEnforced=False.</summary>
    public bool? RequireControllers { get; init; }

    /// <summary>The shim's executable; default <c>podagent-shim</c> beside the daemon.</summary>
    public string? ShimPath { get; init; }

    /// <summary><c>crashLoopBackOff.maxContainerRestartPeriod</c>, 1 s to 300 s; default 300 s.</summary>
    public TimeSpan? MaxContainerRestartPeriod { get; init; }

    /// <summary>How many pods the node takes at most; default 110.</summary>
    public int? MaxPods { get; init; }

    /// <summary>What the machine's own services need, held back from pods: cpu, memory, ephemeral-storage. Default none.</summary>
    public NodeResources? SystemReserved { get; init; }

    /// <summary>What the agent itself needs, held back from pods: cpu, memory, ephemeral-storage. Default none.</summary>
    public NodeResources? KubeReserved { get; init; }
}
