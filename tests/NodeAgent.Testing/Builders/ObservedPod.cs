using System.Collections.Immutable;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Testing.Builders;

/// <summary>What a runtime would report of a pod, written down: sandboxes and runs, newest last as they are added. Immutable.</summary>
public sealed record ObservedPod(Pod Pod)
{
    /// <summary>An arbitrary moment at which the tests' pods begin.</summary>
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private ImmutableList<PodSandbox> Sandboxes { get; init; } = [];
    private ImmutableList<ContainerRun> Runs { get; init; } = [];
    private string? MissingControllers { get; init; }

    public PodUid Uid => new(Pod.Metadata?.Uid ?? "");

    public static DateTimeOffset At(double seconds) => Start.AddSeconds(seconds);

    public static ContainerId Id(string name, int attempt) => new($"{name}-{attempt}");

    public ObservedPod Sandbox(int attempt = 0, PodSandboxState state = PodSandboxState.Ready, double createdAt = 0, params string[] ips) => this with
    {
        Sandboxes = Sandboxes.Add(new PodSandbox(PodSandboxId.For(Uid, attempt), Uid, attempt, state, At(createdAt), ips, state == PodSandboxState.Ready ? 100 : 0)),
    };

    public ObservedPod NotEnforced(string message) => this with { MissingControllers = message };

    public ObservedPod Created(string name, int attempt = 0, double at = 0) => Add(Run(name, attempt, at) with { State = ContainerRunState.Created, StartedAt = null });

    public ObservedPod Running(string name, int attempt = 0, double at = 0, double delay = 0) => Add(Run(name, attempt, at, delay));

    /// <summary>A run that ended by itself with this code; above 128 by the signal that it stands for.</summary>
    public ObservedPod Exited(string name, int exitCode, int attempt = 0, double at = 0, double end = 1, double delay = 0, string? reason = null) =>
        Add(Run(name, attempt, at, delay) with
        {
            State = ContainerRunState.Exited,
            Pid = 0,
            ExitCode = exitCode,
            Signal = exitCode > 128 ? exitCode - 128 : 0,
            Reason = reason ?? (exitCode == 0 ? "Completed" : "Error"),
            FinishedAt = At(end),
        });

    public ObservedPod Unknown(string name, int attempt = 0, double at = 0, double delay = 0) =>
        Add(Run(name, attempt, at, delay) with { State = ContainerRunState.Unknown, Pid = 0 });

    /// <summary>Changes the run that was added last.</summary>
    public ObservedPod Last(Func<ContainerRun, ContainerRun> change) => this with { Runs = Runs.SetItem(Runs.Count - 1, change(Runs[^1])) };

    public PodRuntimeState Build() => new(
        Uid, Pod, "/etc/podagent/test.yaml", [.. Sandboxes.Reverse()], [.. Runs.Reverse()], MissingControllers is null, MissingControllers);

    private ObservedPod Add(ContainerRun run) => this with { Runs = Runs.Add(run) };

    private ContainerRun Run(string name, int attempt, double at, double delay = 0)
    {
        PodSpec spec = Pod.Spec!;
        Container? init = spec.InitContainers?.FirstOrDefault(c => c.Name == name);
        Container? ephemeral = spec.EphemeralContainers?.FirstOrDefault(c => c.Name == name);
        Container container = init ?? ephemeral ?? spec.Containers!.FirstOrDefault(c => c.Name == name) ?? PodBuilder.Container(name);
        ContainerType type = init is not null ? ContainerType.Init : ephemeral is not null ? ContainerType.Ephemeral : ContainerType.Regular;
        return new ContainerRun(
            Id(name, attempt), Sandboxes.Count > 0 ? Sandboxes[^1].Id : default, name, type, attempt, ContainerHash.Of(container, 0).ToString(),
            container.Image ?? "", "sha256:" + name, ContainerRunState.Running, At(at), At(at), null, 0, 0, null, null, 1000 + attempt, "", TimeSpan.FromSeconds(delay))
        {
            Resources = container.Resources,
        };
    }
}
