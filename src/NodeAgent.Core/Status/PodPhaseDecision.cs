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
        if (input.Plan.Verdict is not null)
            return PodPhase.Failed;
        if (unobservable)
            return PodPhase.Unknown;

        if (input.Plan.Stage == PodStage.Held)
            return PodPhase.Pending;
        bool running = mains.Concat(inits).Any(s => s.State?.Running is not null);
        bool mainsEnded = mains.Count > 0 && mains.All(s => s.State?.Terminated is not null);
        if (input.IsOver || (input.Desired.Deletion is not null && mainsEnded))
        {
            if (running)
                return PodPhase.Running;
            return mainsEnded && mains.All(s => s.State!.Terminated!.ExitCode == 0) ? PodPhase.Succeeded : PodPhase.Failed;
        }

        return Underway(input, inits, mains, running);
    }

    private static string Underway(StatusInput input, IReadOnlyList<ContainerStatus> inits, IReadOnlyList<ContainerStatus> mains, bool running)
    {
        bool mainStarted = mains.Any(s => s.State?.Running is not null || HasEnded(s));
        IReadOnlyList<Container> initSpecs = input.Spec.InitContainers ?? [];
        bool initializing = initSpecs.Where((c, i) => !IsInitialized(c, inits[i])).Any();
        if (initializing && !mainStarted)
            return PodPhase.Pending;
        if (mains.Any(s => s.State?.Waiting is not null && !HasEnded(s)))
            return PodPhase.Pending;
        return running || mainStarted ? PodPhase.Running : PodPhase.Pending;
    }

    /// <summary>A sidecar counts when it has started, an ordinary init container when it has exited with 0.</summary>
    public static bool IsInitialized(Container container, ContainerStatus status) =>
        PodView.IsSidecar(container) ? status.Started == true : status.Ready;

    private static bool HasEnded(ContainerStatus status) => status.State?.Terminated is not null || status.LastState?.Terminated is not null;
}
