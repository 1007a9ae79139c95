using System.Collections.Immutable;
using NodeAgent.Core.Model;

namespace NodeAgent.Testing.Builders;

/// <summary>Makes small pods for tests: <c>PodBuilder.Named("web").Policy("Never").Main("app").Sidecar("log").Build()</c>. Immutable, every call gives a new one.</summary>
public sealed record PodBuilder
{
    private PodSpec Spec { get; init; } = new() { RestartPolicy = RestartPolicy.Always, TerminationGracePeriodSeconds = 30 };
    private ObjectMeta Metadata { get; init; } = new();
    private ImmutableList<Container> Mains { get; init; } = [];
    private ImmutableList<Container> Inits { get; init; } = [];
    private ImmutableList<EphemeralContainer> Ephemerals { get; init; } = [];

    public static PodBuilder Named(string name, string @namespace = "default") =>
        new() { Metadata = new ObjectMeta { Name = name, Namespace = @namespace, Uid = name + "-uid", Generation = 1 } };

    public static Container Container(string name) => new() { Name = name, Image = "localhost/" + name + ":1" };

    public PodBuilder Policy(string restartPolicy) => this with { Spec = Spec with { RestartPolicy = restartPolicy } };

    public PodBuilder Grace(int seconds) => this with { Spec = Spec with { TerminationGracePeriodSeconds = seconds } };

    public PodBuilder ActiveDeadline(int seconds) => this with { Spec = Spec with { ActiveDeadlineSeconds = seconds } };

    public PodBuilder With(Func<PodSpec, PodSpec> change) => this with { Spec = change(Spec) };

    public PodBuilder Main(string name, Func<Container, Container>? change = null) => this with { Mains = Mains.Add(Changed(name, change)) };

    public PodBuilder Init(string name, Func<Container, Container>? change = null) => this with { Inits = Inits.Add(Changed(name, change)) };

    public PodBuilder Sidecar(string name, Func<Container, Container>? change = null) =>
        this with { Inits = Inits.Add(Changed(name, change) with { RestartPolicy = RestartPolicy.Always }) };

    public PodBuilder Ephemeral(string name) =>
        this with { Ephemerals = Ephemerals.Add(new EphemeralContainer { Name = name, Image = "localhost/" + name + ":1" }) };

    public Pod Build() => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = Metadata,
        Spec = Spec with
        {
            Containers = Mains,
            InitContainers = Inits.IsEmpty ? null : Inits,
            EphemeralContainers = Ephemerals.IsEmpty ? null : Ephemerals,
        },
    };

    private static Container Changed(string name, Func<Container, Container>? change) => change is null ? Container(name) : change(Container(name));
}

/// <summary>Changes to a container that tests need often.</summary>
public static class ContainerChanges
{
    public static Container OwnPolicy(this Container container, string restartPolicy) => container with { RestartPolicy = restartPolicy };

    /// <param name="operator"><c>In</c> or <c>NotIn</c>.</param>
    public static Container Rule(this Container container, string action, string @operator, params int[] exitCodes) => container with
    {
        RestartPolicy = container.RestartPolicy ?? RestartPolicy.Never,
        RestartPolicyRules =
        [
            .. container.RestartPolicyRules ?? [],
            new ContainerRestartRule { Action = action, ExitCodes = new ContainerRestartRuleOnExitCodes { Operator = @operator, Values = exitCodes } },
        ],
    };

    /// <summary>Requests, in the API's notation.</summary>
    public static Container Asks(this Container container, string cpu, string memory) => container with
    {
        Resources = new ResourceRequirements
        {
            Requests = new Dictionary<string, Quantity>(StringComparer.Ordinal) { ["cpu"] = Quantity.Parse(cpu), ["memory"] = Quantity.Parse(memory) },
            Limits = container.Resources?.Limits,
        },
    };

    /// <summary>Limits and the requests that follow from them, <c>-</c> for none; a policy for resizing memory.</summary>
    public static Container Limited(this Container container, string cpu, string memory, string? memoryPolicy = null)
    {
        var amounts = new Dictionary<string, Quantity>(StringComparer.Ordinal);
        if (cpu != "-")
            amounts["cpu"] = Quantity.Parse(cpu);
        if (memory != "-")
            amounts["memory"] = Quantity.Parse(memory);
        return container with
        {
            Resources = new ResourceRequirements { Limits = amounts, Requests = amounts },
            ResizePolicy = memoryPolicy is null ? container.ResizePolicy : [new ContainerResizePolicy { ResourceName = "memory", RestartPolicy = memoryPolicy }],
        };
    }

    public static Container WithStartupProbe(this Container container) => container with { StartupProbe = new Probe { TcpSocket = new TcpSocketAction() } };

    public static Container WithLivenessProbe(this Container container, int? graceSeconds = null) =>
        container with { LivenessProbe = new Probe { TcpSocket = new TcpSocketAction(), TerminationGracePeriodSeconds = graceSeconds } };

    public static Container WithReadinessProbe(this Container container) => container with { ReadinessProbe = new Probe { TcpSocket = new TcpSocketAction() } };
}
