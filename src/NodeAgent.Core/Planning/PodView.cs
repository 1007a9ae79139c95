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
    public Pod Pod => Desired.Pod;
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
        ContainerRun[] runs = [.. (observed?.Containers ?? []).OrderByDescending(r => r.Attempt).ThenByDescending(r => r.CreatedAt)];
        PodView view = new(desired, sandboxes, runs, sandboxes.Length > 0 ? sandboxes[0].Id : null, 0, memory, probes, now, settings);
        return view with { Round = RestartRound.Of(view) };
    }

    /// <summary>The newest run of a container in any sandbox.</summary>
    public ContainerRun? Newest(string name) => Runs.FirstOrDefault(r => string.Equals(r.Name, name, StringComparison.Ordinal));

    /// <summary>The newest run of a container if it belongs to the present sandbox and round.</summary>
    public ContainerRun? Current(string name) => Newest(name) is { } run && IsCurrent(run) ? run : null;

    public bool IsCurrent(ContainerRun run) => run.Sandbox == Sandbox && ContainerHash.Parse(run.Hash).Round >= Round;

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
