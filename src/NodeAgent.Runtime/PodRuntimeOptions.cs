using NodeAgent.Core.Resources;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;

namespace NodeAgent.Runtime;

/// <summary>What the runtime is told by the agent's configuration and by the node.</summary>
public sealed record PodRuntimeOptions
{
    /// <summary>The <c>podagent-shim</c> program.</summary>
    public required string ShimFile { get; init; }

    /// <summary>What pods may learn about the node by the downward API.</summary>
    public required string NodeName { get; init; }
    public IReadOnlyList<string> HostIPs { get; init; } = [];
    public required NodeAllocatable Allocatable { get; init; }

    /// <summary>What subdomains of pods live under.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Refuses a pod whose limits the node cannot enforce, instead of running it and saying so.</summary>
    public bool RequireControllers { get; init; }

    /// <summary>Who makes the cgroups of pods. The cgroup root (<see cref="Core.StatePaths.Cgroup"/>) is a slice's folder for systemd's, any other for ours.</summary>
    public CgroupDriverKind CgroupDriver { get; init; }

    /// <summary>What the configuration says of limits; what the machine says (memory, swap, page sizes) is filled in by the runtime.</summary>
    public CgroupSettings Cgroups { get; init; } = new();

    /// <summary>How long a process may take to vanish after SIGKILL before the verb fails; the kernel may hold one in an uninterruptible call.</summary>
    public TimeSpan KillDeadline { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Called with the name of each step as it is passed (<c>SandboxSetup.AfterCgroup</c>): tests throw here, or stop for good.</summary>
    public Action<string>? Failpoint { get; init; }

    internal void Pass(string step) => Failpoint?.Invoke(step);
}
