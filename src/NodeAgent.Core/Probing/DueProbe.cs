using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Probing;

/// <summary>A probe that has to be made for a run of a container.</summary>
/// <param name="StartedAt">Steady time since when the container runs: initialDelaySeconds counts from it.</param>
public sealed record DueProbe(ContainerId Run, ProbeKind Kind, Container Container, Probe Probe, DateTimeOffset StartedAt)
{
    /// <summary>
    /// The probes that a pod needs now.
    ///
    /// | probe     | while its run is alive and                                                        |
    /// | startup   | it has no verdict, and the pod is not being ended                                 |
    /// | liveness  | the container has started and is not found dead, and the pod is not being ended   |
    /// | readiness | the container has started; also while the pod is being ended                      |
    ///
    /// "Started" is: no startup probe, or one that has passed. Init containers are probed only if they are sidecars.
    /// </summary>
    /// <param name="memory">Of the plan that was made from what is observed.</param>
    public static IEnumerable<DueProbe> Of(PodDesire desire, PodRuntimeState? observed, PodStage stage, PlannerMemory memory, ProbeResults results)
    {
        if (observed is null || observed.Sandboxes.Count == 0)
            yield break;
        bool ending = stage is not PodStage.Syncing || desire.Deletion is not null;
        foreach (ContainerRun run in observed.Containers)
        {
            if (run.State != ContainerRunState.Running || Specification(desire.Pod.Spec, run) is not { } container)
                continue;
            RunProbes said = results.Of(run.Id);
            DateTimeOffset startedAt = StartOf(run, memory);
            if (container.StartupProbe is { } startup && said.Startup is null && !ending)
                yield return new DueProbe(run.Id, ProbeKind.Startup, container, startup, startedAt);
            if (!Planning.Readiness.IsStarted(container, said))
                continue;
            if (container.LivenessProbe is { } liveness && said.Liveness != false && !ending)
                yield return new DueProbe(run.Id, ProbeKind.Liveness, container, liveness, startedAt);
            if (container.ReadinessProbe is { } readiness)
                yield return new DueProbe(run.Id, ProbeKind.Readiness, container, readiness, startedAt);
        }
    }

    private static Container? Specification(PodSpec? spec, ContainerRun run) =>
        spec?.Containers?.FirstOrDefault(c => c.Name == run.Name)
        ?? spec?.InitContainers?.FirstOrDefault(c => c.Name == run.Name && PodView.IsSidecar(c));

    /// <summary>The record's time is the wall clock's: one that cannot be, because that clock was set, gives way to when the run was first seen.</summary>
    private static DateTimeOffset StartOf(ContainerRun run, PlannerMemory memory)
    {
        DateTimeOffset began = memory.Sightings.GetValueOrDefault(run.Id)?.Began ?? run.CreatedAt;
        DateTimeOffset latest = memory.PlannedAt ?? began;
        return run.StartedAt is { } started && started >= began && started <= latest ? started : began;
    }
}
