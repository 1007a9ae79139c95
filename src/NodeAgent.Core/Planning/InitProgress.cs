using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// How far initialization has come in the present sandbox, and what it needs next.
///
/// Init containers run in order. The frontier is the last one that has a run in this sandbox and round; those before it have done their part.
///
/// | at the frontier                              | then |
/// | nothing has run                              | start the first |
/// | ordinary, running                            | wait |
/// | ordinary, exited 0                           | start the next; the last one: initialized |
/// | ordinary, failed                             | start it again, or the pod has failed |
/// | sidecar, running and started                 | start the next; the last one: initialized |
/// | sidecar, running, startup probe not passed   | wait; failed: kill it |
/// | sidecar, ended                               | start it again; the next one waits |
///
/// Sidecars before the frontier, and all of them once initialized, are started again whenever they have ended. Once a main container has a run in this
/// sandbox and round the pod stays initialized.
/// </summary>
internal static class InitProgress
{
    public static bool IsInitialized(PodView view)
    {
        if (view.Inits.Count == 0 || view.Mains.Any(c => view.Current(c.Name ?? "") is not null))
            return true;
        return Frontier(view) == view.Inits.Count - 1 && IsPassed(view, view.Inits[^1]);
    }

    /// <summary>The init containers to look after now, in order: the sidecars in place, and the one whose turn it is.</summary>
    public static IEnumerable<Container> Due(PodView view)
    {
        int frontier = IsInitialized(view) ? view.Inits.Count : Frontier(view);
        for (int i = 0; i < Math.Min(frontier, view.Inits.Count); i++)
        {
            if (PodView.IsSidecar(view.Inits[i]))
                yield return view.Inits[i];
        }

        if (frontier >= view.Inits.Count)
            yield break;
        if (frontier < 0)
        {
            yield return view.Inits[0];
            yield break;
        }

        bool passed = IsPassed(view, view.Inits[frontier]);
        if (!passed || PodView.IsSidecar(view.Inits[frontier]))
            yield return view.Inits[frontier];
        if (passed && frontier + 1 < view.Inits.Count)
            yield return view.Inits[frontier + 1];
    }

    private static int Frontier(PodView view)
    {
        for (int i = view.Inits.Count - 1; i >= 0; i--)
        {
            if (view.Current(view.Inits[i].Name ?? "") is not null)
                return i;
        }

        return -1;
    }

    private static bool IsPassed(PodView view, Container init)
    {
        if (view.Current(init.Name ?? "") is not { } run)
            return false;
        return PodView.IsSidecar(init)
            ? run.State == ContainerRunState.Running && Readiness.IsStarted(init, view.Probes.Of(run.Id))
            : run.State == ContainerRunState.Exited && run.ExitCode == 0;
    }
}
