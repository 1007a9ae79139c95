using System.Collections.Immutable;
using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>What the probes say of the runs of a pod. A run without an entry has no verdict yet: its initial values hold.</summary>
public sealed record ProbeResults(ImmutableDictionary<ContainerId, RunProbes> Runs)
{
    public static readonly ProbeResults None = new(ImmutableDictionary<ContainerId, RunProbes>.Empty);

    public RunProbes Of(ContainerId id) => Runs.GetValueOrDefault(id) ?? RunProbes.None;
}

/// <summary>Null: no verdict yet. Startup counts as not passed, liveness as alive, readiness as not ready, if the container has such a probe.</summary>
public sealed record RunProbes(bool? Startup, bool? Liveness, bool? Readiness)
{
    public static readonly RunProbes None = new(null, null, null);
}
