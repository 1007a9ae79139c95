using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Status;

/// <summary>The phase, by the table at <see cref="PodStatusBuilder"/>.</summary>
internal static class PodPhaseDecision
{
    public static bool IsTerminal(string? phase) => phase is PodPhase.Succeeded or PodPhase.Failed;

    public static string Of(StatusInput input, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains, bool unobservable)
    {
        if (IsTerminal(input.Previous?.Phase))
            return input.Previous!.Phase!;
        bool running = mains.Concat(inits).Any(s => s.State?.Running is not null);
        if (input.Plan.Verdict is not null && !running)
            return PodPhase.Failed;
        if (unobservable)
            return PodPhase.Unknown;
        if (input.Plan.Stage == PodStage.Held)
            return PodPhase.Pending;
        bool over = input.IsOver || (input.Desired.Deletion is not null && HaveEnded(mains));
        if (!over || running)
            return Underway(input, inits, mains, running);
        return HaveEnded(mains) && mains.All(s => s.State!.Terminated!.ExitCode == 0) ? PodPhase.Succeeded : PodPhase.Failed;
    }

    /// <summary>
    /// The phase that conditions go by: a pod that has failed while something of it still runs is not Failed yet, and says in its conditions at once that it is
    /// not ready and will not be.
    /// </summary>
    public static string Settled(StatusInput input, string phase, IReadOnlyList<ContainerStatus> mains)
    {
        bool failed = input.Plan.Verdict is not null || (input.IsOver && !HaveEnded(mains));
        return failed && !IsTerminal(phase) ? PodPhase.Failed : phase;
    }

    private static string Underway(StatusInput input, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains, bool running)
    {
        IReadOnlyList<Container> initSpecs = input.Spec.InitContainers ?? [];
        if (initSpecs.Where((c, i) => IsUnderway(c, inits[i])).Any() && !AnyStarted(mains))
            return PodPhase.Pending;
        if (mains.Concat(inits.Where((_, i) => PodView.IsSidecar(initSpecs[i]))).Any(s => s.State?.Waiting is not null && !HasEnded(s)))
            return PodPhase.Pending;
        return running || mains.Any(HasEnded) ? PodPhase.Running : PodPhase.Pending;
    }

    /// <summary>
    /// Whether a main container runs or has ended and does not wait for another start: then the pod has been initialized, whatever its init containers do now.
    /// One that waits in back-off does not tell.
    /// </summary>
    public static bool AnyStarted(IReadOnlyList<ContainerStatus> mains) => mains.Any(s => s.State?.Running is not null || s.State?.Terminated is not null);

    /// <summary>An init container that is at work or has yet to begin; one that has failed is neither.</summary>
    private static bool IsUnderway(Container container, ContainerStatus status) =>
        status.State?.Running is not null ? !PodView.IsSidecar(container) || status.Started != true : !HasEnded(status);

    /// <summary>A sidecar counts when it has started, an ordinary init container when it has exited with 0.</summary>
    public static bool IsInitialized(Container container, ContainerStatus status) =>
        PodView.IsSidecar(container) ? status.Started == true : status.Ready;

    private static bool HaveEnded(IReadOnlyList<ContainerStatus> mains) => mains.Count > 0 && mains.All(s => s.State?.Terminated is not null);

    private static bool HasEnded(ContainerStatus status) => status.State?.Terminated is not null || status.LastState?.Terminated is not null;
}
