using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

/// <summary>Which processes of a pod the kernel has killed for want of memory since its state was last looked at. Pure.</summary>
internal static class OomKillEvents
{
    /// <param name="before">Null when it is looked at for the first time: what happened by then was an earlier agent's to tell.</param>
    public static IEnumerable<(string Container, string Message)> Between(PodRuntimeState? before, PodRuntimeState? now)
    {
        if (before is null || now is null) yield break;
        foreach (ContainerRun run in now.Containers)
        {
            long known = before.Containers.FirstOrDefault(earlier => earlier.Id == run.Id)?.OomKills ?? 0;
            if (run.OomKills <= known) continue;
            long killed = run.OomKills - known;
            string processes = killed == 1 ? "a process was killed" : $"{killed} processes were killed";
            yield return (run.Name, $"out of memory: {processes} in container {run.Name}{(run.State == ContainerRunState.Running ? ", which goes on" : "")}");
        }
    }
}
