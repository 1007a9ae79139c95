using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

internal enum PodOutcomeKind
{
    Going,

    /// <summary>Every main container has ended for good.</summary>
    MainsDone,

    /// <summary>An init container has failed for good.</summary>
    InitFailed,
}

/// <summary>Whether the pod is over by what its containers did.</summary>
internal readonly record struct PodOutcome(PodOutcomeKind Kind, string? Container)
{
    public static PodOutcome Of(PodView view)
    {
        if (view.Mains.Count > 0 && view.Mains.All(c => NextRun.Of(view, c, ContainerType.Regular).Kind == NextRunKind.Done))
            return new PodOutcome(PodOutcomeKind.MainsDone, null);
        if (!InitProgress.IsInitialized(view) && view.Inits.FirstOrDefault(c => HasFailedForGood(view, c)) is { } failed)
            return new PodOutcome(PodOutcomeKind.InitFailed, failed.Name);
        return new PodOutcome(PodOutcomeKind.Going, null);
    }

    /// <summary>An init container whose newest run in this sandbox failed and that may not run again.</summary>
    public static bool HasFailedForGood(PodView view, Container init) =>
        !PodView.IsSidecar(init)
        && view.Current(init.Name ?? "") is { } run
        && PodView.HasEnded(run)
        && PodView.ExitCode(run) != 0
        && NextRun.Of(view, init, ContainerType.Init).Kind == NextRunKind.Done;
}
