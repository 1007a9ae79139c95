using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// How long a container gets between the stop signal and SIGKILL.
///
/// | reason                         | grace |
/// | PodDeleted                     | what is left of the deletion's grace; 0 if the deletion asks for 0 |
/// | DeadlineExceeded, PodFailed    | what is left of the verdict's grace (the pod's own if it names none); 0 if it asks for 0 |
/// | LivenessProbe, StartupProbe    | the probe's terminationGracePeriodSeconds, else the pod's |
/// | PodFinished and the others     | the pod's; those that are stopped one after the other share it |
///
/// Never less than the minimum (2 s) unless 0 was asked for. A deadline once set is never moved back; <see cref="PlanDraft.Kill"/> sees to that.
/// </summary>
internal static class Grace
{
    public static TimeSpan Of(PodView view, KillReason reason, ContainerRun run)
    {
        TimeSpan own = PodDeletion.GraceOf(view.Pod);
        switch (reason)
        {
            case KillReason.PodDeleted when view.Desired.Deletion is { } deletion:
                return deletion.Grace == TimeSpan.Zero ? TimeSpan.Zero : AtLeastMinimum(view, deletion.Deadline - view.Now);
            case KillReason.DeadlineExceeded or KillReason.PodFailed when view.Memory.Verdict is { } verdict:
                return OfVerdict(view, verdict, own);
            case KillReason.LivenessProbe:
                return AtLeastMinimum(view, OfProbe(view.Specification(run.Name)?.Container.LivenessProbe) ?? own);
            case KillReason.StartupProbe:
                return AtLeastMinimum(view, OfProbe(view.Specification(run.Name)?.Container.StartupProbe) ?? own);
            default:
                return AtLeastMinimum(view, Shared(view, reason) is { } deadline ? deadline - view.Now : own);
        }
    }

    /// <summary>A verdict may ask for less than the minimum, and gets it.</summary>
    private static TimeSpan OfVerdict(PodView view, PodVerdict verdict, TimeSpan own)
    {
        TimeSpan left = verdict.DecidedAt + (verdict.Grace ?? own) - view.Now;
        return verdict.Grace < view.Settings.MinimumGrace ? (left > TimeSpan.Zero ? left : TimeSpan.Zero) : AtLeastMinimum(view, left);
    }

    private static DateTimeOffset? Shared(PodView view, KillReason reason)
    {
        DateTimeOffset? earliest = null;
        if (reason is KillReason.PodFinished or KillReason.PodHeld or KillReason.InitContainerFailed)
        {
            foreach (KillSentence sentence in view.Memory.Sentences.Values)
            {
                if (sentence.Reason == reason && (earliest is null || sentence.Deadline < earliest))
                    earliest = sentence.Deadline;
            }
        }

        return earliest;
    }

    private static TimeSpan? OfProbe(Probe? probe) =>
        probe?.TerminationGracePeriodSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    private static TimeSpan AtLeastMinimum(PodView view, TimeSpan grace) => grace > view.Settings.MinimumGrace ? grace : view.Settings.MinimumGrace;
}
