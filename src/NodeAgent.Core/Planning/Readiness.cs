using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>What the probes make of a container that runs. Without a startup probe it is started as soon as it runs, without a readiness probe ready as soon as it is started.</summary>
public static class Readiness
{
    public static bool IsStarted(Container container, RunProbes probes) => container.StartupProbe is null || probes.Startup == true;

    public static bool IsReady(Container container, RunProbes probes) =>
        IsStarted(container, probes) && (container.ReadinessProbe is null || probes.Readiness == true);
}
