using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

internal enum SandboxStep
{
    Keep,
    Create,

    /// <summary>The sandbox is dead and its containers may not run again: the pod is over.</summary>
    GiveUp,
}

/// <summary>
/// | newest sandbox | containers                                                            | then |
/// | none           |                                                                       | create attempt 0 |
/// | ready          |                                                                       | keep |
/// | dead           | no main container restarts after a failure, and something has run     | give up: a run must not be repeated |
/// | dead           | else                                                                  | create the next attempt; init containers run again |
///
/// A pod whose main containers have all ended for good never comes here: it is over before.
/// </summary>
internal readonly record struct SandboxDecision(SandboxStep Step, int Attempt, SandboxReason Reason)
{
    public static SandboxDecision Of(PodView view)
    {
        if (view.NewestSandbox is not { } newest)
            return new SandboxDecision(SandboxStep.Create, 0, SandboxReason.FirstSandbox);
        if (newest.State == PodSandboxState.Ready)
            return new SandboxDecision(SandboxStep.Keep, newest.Attempt, default);
        bool repeatable = view.Mains.Any(c => RestartDecision.RestartsOnFailure(c, ContainerType.Regular, view.Spec))
            || view.Runs.All(run => run.State == ContainerRunState.Created)
            || view.Runs.Any(run => view.Recorded(run).Round < view.Round);
        return repeatable
            ? new SandboxDecision(SandboxStep.Create, newest.Attempt + 1, SandboxReason.SandboxDied)
            : new SandboxDecision(SandboxStep.GiveUp, newest.Attempt, default);
    }
}
