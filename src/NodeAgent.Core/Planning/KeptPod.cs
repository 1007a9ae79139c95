using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// What has to outlive the agent and no record of the runtime tells: how the pod ended and why, its counts and its conditions' times.
/// </summary>
/// <param name="Verdict">What somebody outside the pod's containers has decided; null when nobody has.</param>
public sealed record KeptPod(PodStatus Status, PodVerdict? Verdict)
{
    /// <summary>Of which version of the pod, resources included (<see cref="Manifests.PodIdentity.Version"/>).</summary>
    public string? Version { get; init; }

    /// <summary>Nothing of it starts any more, as long as it is that version.</summary>
    public bool IsOver => Verdict is not null || Status.Phase is PodPhase.Succeeded or PodPhase.Failed;

    internal IEnumerable<ContainerStatus> Containers =>
        (Status.InitContainerStatuses ?? []).Concat(Status.ContainerStatuses ?? []).Concat(Status.EphemeralContainerStatuses ?? []);

    /// <summary>
    /// False when the status does not name the last run of every container: then a restart count of 0 may mean one run or none. So it is of a pod that has not
    /// started yet, and of one that was held when the node was booted, for as long as it is held.
    /// </summary>
    public bool NamesAllRuns => Containers.All(container => container.ContainerID is not null);

    /// <summary>
    /// What the probes had said of the runs that go on: a container that was started or ready stays so until a probe says otherwise, so nothing flaps.
    /// </summary>
    public ProbeResults Probes()
    {
        ProbeResults probes = ProbeResults.None;
        foreach (ContainerStatus container in Containers)
        {
            if (container.State?.Running is not null && ContainerId.FromUri(container.ContainerID) is { } id)
                probes = new ProbeResults(probes.Runs.SetItem(id, new RunProbes(container.Started == true ? true : null, null, container.Ready)));
        }

        return probes;
    }
}
