using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Counts how often a restart rule with the action RestartAllContainers has made the pod's containers start anew in their sandbox. The count is kept in the
/// runs' fingerprints, so it survives the agent and needs no clock: a run of an earlier round is over, live or dead. The round moves on when the newest run of
/// some container belongs to the newest round, has exited, and matches such a rule; from the first start in the new round on, that run no longer counts.
/// </summary>
internal static class RestartRound
{
    public static int Of(PodView view)
    {
        int round = 0;
        foreach (ContainerRun run in view.Runs)
            round = Math.Max(round, view.Recorded(run).Round);
        return view.Runs.Any(run => AsksForAll(view, run, round)) ? round + 1 : round;
    }

    private static bool AsksForAll(PodView view, ContainerRun run, int round) =>
        run.State == ContainerRunState.Exited
        && view.Recorded(run).Round == round
        && ReferenceEquals(view.Newest(run.Name), run)
        && view.Specification(run.Name) is { } spec
        && RestartDecision.Of(spec.Container, spec.Type, view.Spec, run.ExitCode).AllContainers;
}
