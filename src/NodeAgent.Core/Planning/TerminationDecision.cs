using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// In which order the live runs of a pod are ended: everything but sidecars at once; when they are dead the sidecars one after the other, last one first.
/// When the grace is used up, or was 0 from the start, whatever is left is ended at once.
/// </summary>
internal static class TerminationDecision
{
    /// <summary>The live runs that are to be killed now; empty when nothing lives.</summary>
    public static IReadOnlyList<ContainerRun> Next(PodView view, KillReason reason)
    {
        ContainerRun[] live = [.. view.Runs.Where(PodView.IsLive)];
        ContainerRun[] others = [.. live.Where(run => SidecarIndex(view, run) < 0)];
        if (NoGraceLeft(view, reason, live))
            return live;
        if (others.Length > 0)
            return others;
        return live.Length == 0 ? [] : [.. live.GroupBy(run => SidecarIndex(view, run)).MaxBy(group => group.Key)!];
    }

    private static bool NoGraceLeft(PodView view, KillReason reason, ContainerRun[] live) => reason switch
    {
        KillReason.PodDeleted => view.Desired.Deletion is { } deletion && deletion.Deadline <= view.Now,
        KillReason.DeadlineExceeded or KillReason.PodFailed => view.Memory.Verdict is { } verdict
            && verdict.DecidedAt + (verdict.Grace ?? PodDeletion.GraceOf(view.Pod)) <= view.Now,
        _ => live.Any(run => view.Memory.Sentences.GetValueOrDefault(run.Id) is { } sentence && sentence.Reason == reason && sentence.Deadline <= view.Now),
    };

    private static int SidecarIndex(PodView view, ContainerRun run)
    {
        for (int i = 0; i < view.Inits.Count; i++)
        {
            if (view.Inits[i].Name == run.Name)
                return PodView.IsSidecar(view.Inits[i]) ? i : -1;
        }

        return -1;
    }
}
