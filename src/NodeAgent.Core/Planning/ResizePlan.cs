using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Brings into force the resources that a pod was given while it runs. The kernel bounds a container by its pod as well, so the order is:
///
/// 1. the pod's cgroup is widened to the larger of what it has and what it gets, value by value (<see cref="ResizableResources.Wider"/>);
/// 2. each running container gets its own, or, when its resizePolicy asks for that, is killed and starts with them;
/// 3. the pod's cgroup gets exactly what it gets.
///
/// A step that would change no bound is left out, so a pod that only grows is done after 2 and one that only shrinks begins there. 3 waits until every running
/// container has its own. What has been done is in the runtime's records, so an agent that restarts in between goes on where it was.
/// A container that does not run needs nothing: it starts with what it was given.
/// </summary>
internal static class ResizePlan
{
    /// <summary>Whether something that was given is not in force.</summary>
    public static bool IsNeeded(PodView view) =>
        view is { NewestSandbox.State: PodSandboxState.Ready, RecordedPod: { } recorded }
        && (!ResizableResources.Same(recorded, view.Pod) || Changed(view).Any());

    public static void Add(PodView view, PlanDraft draft)
    {
        if (!IsNeeded(view) || view is not { NewestSandbox: { } sandbox, RecordedPod: { } recorded })
            return;
        (Container Container, ContainerRun Run)[] changed = [.. Changed(view)];
        Pod wider = ResizableResources.Wider(recorded, view.Pod);
        bool widens = !ResizableResources.SameLimits(recorded, wider);
        if (widens && !draft.Try(new ResizeSandbox(sandbox.Id, wider)))
            return;
        bool all = true;
        foreach ((Container container, ContainerRun run) in changed)
            all &= !RestartsFor(container, run) && draft.Try(new ResizeContainer(run.Id, run.Name, container.Resources));
        if (all && !ResizableResources.Same(widens ? wider : recorded, view.Pod))
            draft.Try(new ResizeSandbox(sandbox.Id, view.Pod));
    }

    /// <summary>Whether a running container has to be started again to get what it was given.</summary>
    public static bool RestartsFor(Container container, ContainerRun run) =>
        container.ResizePolicy is { Count: > 0 } policies
        && ResizableResources.Changed(run.Resources, container.Resources).Any(name =>
            policies.Any(policy => policy.ResourceName == name && policy.RestartPolicy == ResourceResizeRestartPolicy.RestartContainer));

    private static IEnumerable<(Container Container, ContainerRun Run)> Changed(PodView view) =>
        from container in view.Inits.Where(PodView.IsSidecar).Concat(view.Mains)
        let run = view.Current(container.Name ?? "")
        where run is not null && PodView.IsLive(run) && !ResizableResources.Same(run.Resources, container.Resources)
        select (container, run);
}
