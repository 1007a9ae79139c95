using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>The inputs of one plan with their index: what every decision reads and none changes.</summary>
/// <param name="Sandbox">The sandbox that containers run in or are going to: the newest one, or the one this plan makes. Null before the first.</param>
/// <param name="Round">How often a restart rule has made all containers start anew; runs of an earlier round are over.</param>
internal sealed record PodView(
    PodDesire Desired,
    IReadOnlyList<PodSandbox> Sandboxes,
    IReadOnlyList<ContainerRun> Runs,
    PodSandboxId? Sandbox,
    int Round,
    PlannerMemory Memory,
    ProbeResults Probes,
    DateTimeOffset Now,
    PlannerSettings Settings)
{
    // A plan asks for the same fingerprints many times. Shared by the copies of one view, which differ in sandbox and round only.
    private readonly Dictionary<string, ContainerHash> _recorded = new(StringComparer.Ordinal);
    private readonly Dictionary<Container, ContainerHash> _wanted = new(ReferenceEqualityComparer.Instance);

    public Pod Pod => Desired.Pod;

    /// <summary>The pod as the node enforces and records it; null when the node has nothing of it.</summary>
    public Pod? RecordedPod { get; private init; }

    public PodSpec Spec => Desired.Pod.Spec ?? new PodSpec();
    public IReadOnlyList<Container> Mains => Spec.Containers ?? [];
    public IReadOnlyList<Container> Inits => Spec.InitContainers ?? [];
    public IReadOnlyList<EphemeralContainer> Ephemerals => Spec.EphemeralContainers ?? [];
    public PodSandbox? NewestSandbox => Sandboxes.Count > 0 ? Sandboxes[0] : null;

    /// <summary>True for a sandbox that is ready, and for one that this plan makes.</summary>
    public bool SandboxAlive => Sandbox is not null && (NewestSandbox?.Id != Sandbox || NewestSandbox?.State == PodSandboxState.Ready);

    public static PodView Of(
        PodDesire desired, PodRuntimeState? observed, PlannerMemory memory, ProbeResults probes, DateTimeOffset now, PlannerSettings settings)
    {
        PodSandbox[] sandboxes = [.. (observed?.Sandboxes ?? []).OrderByDescending(s => s.Attempt)];
        ContainerRun[] runs = [.. NewestFirst(observed)];
        PodView view = new(desired, sandboxes, runs, sandboxes.Length > 0 ? sandboxes[0].Id : null, 0, memory, probes, now, settings) { RecordedPod = observed?.Pod };
        return view with { Round = RestartRound.Of(view) };
    }

    /// <summary>
    /// All runs, newest first. A run that was never started in one sandbox passes its attempt on to the next, so between equals the sandbox decides; no time
    /// does, because the clock may have been set in between.
    /// </summary>
    public static IEnumerable<ContainerRun> NewestFirst(PodRuntimeState? observed)
    {
        if (observed is null)
            return [];
        Dictionary<PodSandboxId, int> attempts = observed.Sandboxes.ToDictionary(s => s.Id, s => s.Attempt);
        return observed.Containers.OrderByDescending(r => r.Attempt).ThenByDescending(r => attempts.GetValueOrDefault(r.Sandbox, -1));
    }

    /// <summary>The newest run of a container in any sandbox.</summary>
    public ContainerRun? Newest(string name) => Runs.FirstOrDefault(r => string.Equals(r.Name, name, StringComparison.Ordinal));

    /// <summary>The newest run of a container if it belongs to the present sandbox and round.</summary>
    public ContainerRun? Current(string name) => Newest(name) is { } run && IsCurrent(run) ? run : null;

    public bool IsCurrent(ContainerRun run) => run.Sandbox == Sandbox && Recorded(run).Round >= Round;

    /// <summary>The fingerprint that a run was made from.</summary>
    public ContainerHash Recorded(ContainerRun run)
    {
        if (!_recorded.TryGetValue(run.Hash, out ContainerHash hash))
            _recorded[run.Hash] = hash = ContainerHash.Parse(run.Hash);
        return hash;
    }

    /// <summary>The fingerprint of the next run.</summary>
    public ContainerHash Wanted(Container container)
    {
        if (!_wanted.TryGetValue(container, out ContainerHash hash))
            _wanted[container] = hash = ContainerHash.Of(container, 0);
        return hash with { Round = Round };
    }

    public static bool IsLive(ContainerRun run) => run.State == ContainerRunState.Running;
    public static bool HasEnded(ContainerRun run) => run.State is ContainerRunState.Exited or ContainerRunState.Unknown;

    /// <summary>A sidecar: an init container that keeps running beside the main containers.</summary>
    public static bool IsSidecar(Container container) => string.Equals(container.RestartPolicy, RestartPolicy.Always, StringComparison.Ordinal);

    /// <summary>The specification behind a run, null when the manifest has no such container.</summary>
    public (Container Container, ContainerType Type)? Specification(string name)
    {
        if (Mains.FirstOrDefault(c => c.Name == name) is { } main)
            return (main, ContainerType.Regular);
        if (Inits.FirstOrDefault(c => c.Name == name) is { } init)
            return (init, ContainerType.Init);
        return Ephemerals.FirstOrDefault(c => c.Name == name) is { } ephemeral ? (ephemeral, ContainerType.Ephemeral) : null;
    }

    /// <summary>128 + SIGKILL stands for an end that nobody recorded.</summary>
    public static int ExitCode(ContainerRun run) => run.State == ContainerRunState.Exited ? run.ExitCode : 137;
}
