using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Which records can go: of each container only the newest dead run is kept, for the last state and the restart count; a sandbox that was replaced goes when
/// it is stopped and holds no run any more. A removal that fails holds up nothing else.
/// </summary>
internal static class Garbage
{
    public static void Collect(PodView view, PlanDraft draft)
    {
        HashSet<ContainerId> removed = [];
        HashSet<string> told = new(StringComparer.Ordinal);
        foreach (ContainerRun run in view.Runs)
        {
            if (PodView.IsLive(run) || (run.State == ContainerRunState.Created && view.Newest(run.Name) == run))
                continue;
            bool known = view.Specification(run.Name) is not null;
            if (known && PodView.HasEnded(run) && told.Add(run.Name))
                continue;
            if (draft.Try(new RemoveContainer(run.Id, run.Name, known ? RemoveReason.Superseded : RemoveReason.NotInManifest)))
                removed.Add(run.Id);
        }

        foreach (PodSandbox sandbox in view.Sandboxes.Skip(1))
        {
            if (!EndPlan.NeedsStop(view, sandbox) && !view.Runs.Any(run => run.Sandbox == sandbox.Id && !removed.Contains(run.Id)))
                draft.Try(new RemoveSandbox(sandbox.Id, RemoveReason.SandboxReplaced));
        }
    }
}
