using NodeAgent.Core.Model;
using NodeAgent.Testing.Builders;

namespace NodeAgent.UnitTests.Planning;

/// <summary>Small pods of every shape: policies, own policies and rules, init containers, sidecars, probes, deadlines.</summary>
internal static class RandomPods
{
    private static readonly string[] Cpu = ["-", "200m", "1", "3"];
    private static readonly string[] Memory = ["-", "16Mi", "64Mi"];
    private static readonly string[] Policies = [RestartPolicy.Always, RestartPolicy.Always, RestartPolicy.OnFailure, RestartPolicy.Never];

    public static Pod Make(Random random)
    {
        PodBuilder builder = PodBuilder.Named("pod" + random.Next(1000)).Policy(Policies[random.Next(4)]).Grace(random.Next(3) switch { 0 => 0, 1 => 5, _ => 30 });
        if (random.Next(8) == 0)
            builder = builder.ActiveDeadline(200 + random.Next(2000));
        int inits = random.Next(4);
        for (int i = 0; i < inits; i++)
        {
            builder = random.Next(2) == 0
                ? builder.Sidecar("side" + i, c => VarySidecar(c, random))
                : builder.Init("init" + i, c => random.Next(5) == 0 ? c.OwnPolicy(RestartPolicy.OnFailure) : c);
        }

        int mains = 1 + random.Next(3);
        for (int i = 0; i < mains; i++)
            builder = builder.Main("main" + i, c => Resize(Vary(c, random), random));
        return random.Next(6) == 0 ? builder.Ephemeral("debug").Build() : builder.Build();
    }

    /// <summary>Other limits and requests, or none; a container that restarts for its memory keeps doing so.</summary>
    public static Container Resize(Container container, Random random)
    {
        Container limited = container.Limited(Cpu[random.Next(Cpu.Length)], Memory[random.Next(Memory.Length)]);
        return random.Next(2) == 0 ? limited : limited.Asks("50m", "1Mi");
    }

    private static Container VarySidecar(Container container, Random random) => random.Next(6) switch
    {
        < 3 => container.WithStartupProbe(),
        3 => container.WithLivenessProbe(),
        4 => container.Rule(ContainerRestartRuleAction.RestartAllContainers, "In", 88),
        _ => container,
    };

    private static Container Vary(Container container, Random random) => random.Next(10) switch
    {
        0 => container.OwnPolicy(RestartPolicy.Never),
        1 => container.OwnPolicy(RestartPolicy.OnFailure),
        2 => container.Rule(ContainerRestartRuleAction.Restart, "In", 42),
        3 => container.Rule(ContainerRestartRuleAction.RestartAllContainers, "In", 88),
        4 => container.WithLivenessProbe().Limited("-", "-", ResourceResizeRestartPolicy.RestartContainer),
        5 => container.WithReadinessProbe().WithStartupProbe(),
        _ => container,
    };
}
