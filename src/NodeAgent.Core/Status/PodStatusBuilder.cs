using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Status;

/// <summary>
/// The status that readers see, from what is wanted, what is observed and what is planned. A function of its arguments.
///
/// Phase (<see cref="PodPhaseDecision"/>), first row that fits:
///
/// | the pod                                                        | phase |
/// | was Succeeded or Failed before                                 | the same, for ever |
/// | has a verdict (deadline, eviction, dead sandbox), nothing runs | Failed |
/// | cannot be observed                                             | Unknown |
/// | is held back and nothing of it runs                            | Pending |
/// | is over or deleted, nothing runs, its mains ended, all with 0  | Succeeded |
/// | is over (an init container failed included), nothing runs      | Failed |
/// | is deleted, nothing runs, its mains ended, not all with 0      | Failed |
/// | has init containers at work, no main container runs or ended   | Pending |
/// | has a main container or sidecar that waits and never ended     | Pending |
/// | has something that runs, or ended and will start again         | Running |
/// | else                                                           | Pending |
///
/// A pod that has failed shows it when the last container has ended, as a kubelet does it: whoever takes over from a Failed pod must not meet it. Its
/// conditions say so at once.
///
/// Conditions (<see cref="PodConditions"/>) keep their lastTransitionTime as long as their status stays. Container states: <see cref="ContainerStatuses"/>.
/// A pod that was refused before anything of it ran has no container statuses: there is nothing that they could tell of.
/// What the records no longer tell is taken from the previous status: restart counts never fall, a last state is not lost.
/// </summary>
public static class PodStatusBuilder
{
    /// <param name="observed">What the plan was made from.</param>
    /// <param name="previous">The last status of this pod uid, null before the first.</param>
    /// <param name="hostIPs">The node's addresses, the preferred one first.</param>
    /// <param name="now">Time of day, for transitions.</param>
    /// <param name="unobservable">Why the state cannot be had; null when it can.</param>
    public static PodStatus Build(
        PodDesire desired,
        PodRuntimeState? observed,
        PodPlan plan,
        ProbeResults probes,
        PodStatus? previous,
        IReadOnlyList<string> hostIPs,
        DateTimeOffset now,
        string? unobservable = null)
    {
        PodSpec spec = desired.Pod.Spec ?? new PodSpec();
        StatusInput input = new(desired, spec, observed, plan, probes, previous, now);
        IReadOnlyList<ContainerStatus> inits = ContainerStatuses.Of(input, spec.InitContainers ?? [], ContainerType.Init, previous?.InitContainerStatuses);
        IReadOnlyList<ContainerStatus> mains = ContainerStatuses.Of(input, spec.Containers ?? [], ContainerType.Regular, previous?.ContainerStatuses);
        IReadOnlyList<ContainerStatus> ephemerals =
            ContainerStatuses.Of(input, spec.EphemeralContainers ?? [], ContainerType.Ephemeral, previous?.EphemeralContainerStatuses);

        string phase = PodPhaseDecision.Of(input, inits, mains, unobservable is not null);
        (string? reason, string? message) = Why(input, phase, unobservable);
        bool refused = phase == PodPhase.Failed && observed is null && mains.Concat(inits).All(container => container.ContainerID is null);
        IReadOnlyList<string> podIPs = PodIPs(input, phase, hostIPs);
        return new PodStatus
        {
            ObservedGeneration = input.Generation,
            Phase = phase,
            Conditions = PodConditions.Of(input, PodPhaseDecision.Settled(input, phase, mains), inits, mains),
            Reason = reason,
            Message = message,
            HostIP = hostIPs.Count > 0 ? hostIPs[0] : null,
            HostIPs = hostIPs.Count > 0 ? [.. hostIPs.Select(ip => new HostIP { Ip = ip })] : null,
            PodIP = podIPs.Count > 0 ? podIPs[0] : null,
            PodIPs = podIPs.Count > 0 ? [.. podIPs.Select(ip => new PodIP { Ip = ip })] : null,
            StartTime = previous?.StartTime ?? plan.Memory.StartTime ?? desired.AcceptedAt,
            QosClass = QosClass.Of(desired.Pod),
            InitContainerStatuses = inits.Count > 0 && !refused ? inits : null,
            ContainerStatuses = refused ? null : mains,
            EphemeralContainerStatuses = ephemerals.Count > 0 && !refused ? ephemerals : null,
            Resources = spec.Resources is null ? null : observed?.Pod.Spec?.Resources ?? spec.Resources,
            AllocatedResources = spec.Resources?.Requests,
        };
    }

    /// <summary>The verdict's words; else those of the previous status as long as the phase stays.</summary>
    private static (string? Reason, string? Message) Why(StatusInput input, string phase, string? unobservable)
    {
        if (input.Previous is { } previous && previous.Phase == phase && PodPhaseDecision.IsTerminal(phase) && previous.Reason is not null)
            return (previous.Reason, previous.Message);
        if (phase == PodPhase.Unknown)
            return ("RuntimeUnavailable", unobservable);
        if (input.HeldBy is { } hold)
            return (hold.Reason.ToString(), hold.Message);
        return phase == PodPhase.Failed && input.Plan.Verdict is { } verdict ? (verdict.Reason, verdict.Message) : (null, null);
    }

    /// <summary>A pod that is over keeps the address it had; one on the host's network has the host's.</summary>
    private static IReadOnlyList<string> PodIPs(StatusInput input, string phase, IReadOnlyList<string> hostIPs)
    {
        if (input.Spec.HostNetwork == true)
            return hostIPs;
        if (input.Sandbox is { State: PodSandboxState.Ready } sandbox)
            return sandbox.PodIPs;
        return PodPhaseDecision.IsTerminal(phase) || input.Desired.Deletion is not null
            ? [.. (input.Previous?.PodIPs ?? []).Select(ip => ip.Ip ?? "")]
            : [];
    }
}

/// <summary>The inputs of one status.</summary>
internal sealed record StatusInput(
    PodDesire Desired, PodSpec Spec, PodRuntimeState? Observed, PodPlan Plan, ProbeResults Probes, PodStatus? Previous, DateTimeOffset Now)
{
    /// <summary>
    /// observedGeneration: that of the newest version of the pod which has been looked at, given or not. No API server counts the generations of a pod that comes
    /// from a file, and a kubelet leaves the field out there. Here the first version is 1 and each resize one more, any other change makes another pod; so whoever
    /// waits for the status of what was written can. Of the conditions only PodResizeInProgress tells an older one: the version that is being brought into force.
    /// </summary>
    public long? Generation => (Desired.Resize?.Wanted ?? Desired.Pod).Metadata?.Generation;

    public bool HasInits => Spec.InitContainers is { Count: > 0 };

    /// <summary>All runs, newest first.</summary>
    public IReadOnlyList<ContainerRun> Runs { get; } = [.. PodView.NewestFirst(Observed)];

    /// <summary>The newest sandbox.</summary>
    public PodSandbox? Sandbox { get; } = Observed?.Sandboxes.MaxBy(s => s.Attempt);

    /// <summary>Why the pod does not run although it is wanted; null for every other pod.</summary>
    public PodHold? HeldBy => Plan.Stage is PodStage.Holding or PodStage.Held ? Desired.Hold : null;

    /// <summary>True when nothing of the pod starts any more.</summary>
    public bool IsOver => Plan.Stage is PodStage.Finishing or PodStage.Finished || Plan.Memory.Finished;
}
