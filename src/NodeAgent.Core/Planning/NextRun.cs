using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

internal enum NextRunKind
{
    /// <summary>It runs.</summary>
    Running,

    /// <summary>Another run has to be started, back-off permitting.</summary>
    Start,

    /// <summary>It has ended and is not started again.</summary>
    Done,
}

/// <summary>
/// What comes next for one container.
///
/// | newest run                              | next |
/// | none                                    | start: FirstRun |
/// | of an earlier restart round             | start: RestartAllContainers |
/// | never started, this sandbox             | start: RunNotStarted (the same run) |
/// | running, this sandbox                   | running |
/// | init container, older sandbox           | start: SandboxChanged |
/// | never started, older sandbox            | start: SandboxChanged |
/// | ended, definition differs               | start: DefinitionChanged |
/// | killed for a resize                     | start: Resized |
/// | killed for a failed probe, pod restarts | start: ProbeFailed |
/// | end unknown, this sandbox lives, main   | start: StateUnknown, whatever the policy: nobody knows that it ran to its end |
/// | ended                                   | as <see cref="RestartDecision"/> says; in an older sandbox the reason is SandboxChanged |
/// </summary>
/// <param name="Last">The newest run, if any.</param>
internal readonly record struct NextRun(NextRunKind Kind, StartReason Reason, ContainerRun? Last)
{
    public static NextRun Of(PodView view, Container container, ContainerType type)
    {
        ContainerRun? last = view.Newest(container.Name ?? "");
        if (last is null)
            return Start(StartReason.FirstRun, null);
        if (type == ContainerType.Ephemeral)
            return new NextRun(last.State == ContainerRunState.Running ? NextRunKind.Running : NextRunKind.Done, default, last);

        ContainerHash recorded = view.Recorded(last);
        if (recorded.Round < view.Round)
            return Start(StartReason.RestartAllContainers, last);

        bool here = last.Sandbox == view.Sandbox;
        if (last.State == ContainerRunState.Created)
            return Start(here ? StartReason.RunNotStarted : StartReason.SandboxChanged, last);
        if (last.State == ContainerRunState.Running && here)
            return new NextRun(NextRunKind.Running, default, last);
        if (!here && type == ContainerType.Init)
            return Start(StartReason.SandboxChanged, last);
        return Ended(view, container, type, last, here, recorded);
    }

    private static NextRun Ended(PodView view, Container container, ContainerType type, ContainerRun last, bool here, ContainerHash recorded)
    {
        int exitCode = PodView.ExitCode(last);
        RestartDecision decision = RestartDecision.Of(container, type, view.Spec, exitCode);
        if (recorded.Definition != view.Wanted(container).Definition && (type == ContainerType.Regular || PodView.IsSidecar(container)))
            return Start(StartReason.DefinitionChanged, last);
        if (view.Memory.Sentences.GetValueOrDefault(last.Id)?.Reason == KillReason.Resized)
            return Start(StartReason.Resized, last);
        if (!decision.Restart && KilledByProbe(view, last) && RestartDecision.RestartsOnFailure(container, type, view.Spec))
            return Start(StartReason.ProbeFailed, last);
        if (last.State == ContainerRunState.Unknown && here && view.SandboxAlive && type == ContainerType.Regular)
            return Start(StartReason.StateUnknown, last);
        if (!decision.Restart)
            return new NextRun(NextRunKind.Done, default, last);
        return Start(here ? decision.Reason : StartReason.SandboxChanged, last);
    }

    private static bool KilledByProbe(PodView view, ContainerRun run) =>
        view.Memory.Sentences.GetValueOrDefault(run.Id)?.Reason is KillReason.LivenessProbe or KillReason.StartupProbe;

    private static NextRun Start(StartReason reason, ContainerRun? last) => new(NextRunKind.Start, reason, last);
}
