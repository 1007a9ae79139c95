using NodeAgent.Core.Admission;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Resources;

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

    /// <summary>
    /// Who makes the cgroups of pods: <c>systemd</c> (a scope per pod), <c>cgroupfs</c> (the agent), or <c>auto</c>, which is systemd where it runs the machine.
    /// Default <c>auto</c>.
    /// </summary>
    public string? CgroupDriver { get; init; }

    /// <summary>
    /// The agent's folder in the cgroup v2 tree, relative to its mount; default <c>podagent</c>. With systemd the slice of that name, <c>podagent.slice</c>.
    /// </summary>
    public string? CgroupRoot { get; init; }

    /// <summary><c>none</c>: pods have a loopback interface of their own.</summary>
    public string? Network { get; init; }

    /// <summary>Refuse pods whose limits this node cannot enforce; default false: they run with the condition ResourcesEnforced=False.</summary>
    public bool? RequireControllers { get; init; }

    /// <summary>The shim's executable; default <c>podagent-shim</c> beside the daemon.</summary>
    public string? ShimPath { get; init; }

    /// <summary><c>crashLoopBackOff.maxContainerRestartPeriod</c>, 1 s to 300 s; default 300 s.</summary>
    public TimeSpan? MaxContainerRestartPeriod { get; init; }

    /// <summary>
    /// <c>evictionHard</c>, <c>evictionSoft</c>, <c>evictionSoftGracePeriod</c>, <c>evictionMinimumReclaim</c>, <c>evictionPressureTransitionPeriod</c>,
    /// <c>evictionMaxPodGracePeriod</c>; default <see cref="EvictionSettings.Default"/>.
    /// </summary>
    public EvictionSettings? Eviction { get; init; }

    /// <summary>How many pods the node takes at most; default 110.</summary>
    public int? MaxPods { get; init; }

    /// <summary>What the machine's own services need, held back from pods: cpu, memory, ephemeral-storage. Default none.</summary>
    public NodeResources? SystemReserved { get; init; }

    /// <summary>What the agent itself needs, held back from pods: cpu, memory, ephemeral-storage. Default none.</summary>
    public NodeResources? KubeReserved { get; init; }

    /// <summary>Processes and threads a pod may have; −1, the default, for no limit.</summary>
    public long? PodPidsLimit { get; init; }

    /// <summary>An out-of-memory kill takes one process of a container instead of all of them; default false.</summary>
    public bool? SingleProcessOOMKill { get; init; }

    /// <summary><c>memorySwap.swapBehavior</c>: <c>NoSwap</c>, the default, or <c>LimitedSwap</c>.</summary>
    public SwapBehavior? SwapBehavior { get; init; }

    /// <summary>
    /// Above 0, at most 1: containers are slowed down (<c>memory.high</c>) when they use more than their request and this part of what lies between it and their
    /// limit, or what pods may have where they have none. Not written: never.
    /// </summary>
    public double? MemoryThrottlingFactor { get; init; }

    /// <summary>
    /// <c>imageGCHighThresholdPercent</c>, <c>imageGCLowThresholdPercent</c>, <c>imageMinimumGCAge</c>, <c>imageMaximumGCAge</c>; default
    /// <see cref="ImageGcSettings.Default"/>.
    /// </summary>
    public ImageGcSettings? ImageGc { get; init; }

    /// <summary>Names of images that are never removed to make room, or their beginnings, with a <c>*</c> at the end. Default none.</summary>
    public IReadOnlyList<string>? PinnedImages { get; init; }
}
