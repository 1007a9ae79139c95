using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

/// <summary>
/// Removes, once in the agent's life, the volumes and what was kept of pods that went while it was away. Volumes outlive a reboot with their pod, so this waits until every pod that
/// is wanted is known; while a manifest is faulty, its pod may own any of them.
/// Called by the manifest watcher between its turns: no pod can appear between the question which are wanted and the removal.
/// </summary>
public sealed partial class OrphanVolumes(IPodRuntime runtime, IKeptPods kept, PodWorkers workers, ManifestIntake intake, ILogger<OrphanVolumes> log)
{
    private bool _done;

    internal async Task RemoveOnceAsync(CancellationToken stopping)
    {
        if (_done || !intake.AllIsKnown)
            return;
        _done = true;
        try
        {
            var known = workers.KnownUids;
            kept.RemoveAllBut(known);
            await runtime.RemoveOrphanVolumesAsync(known, stopping);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            NotRemoved(log, error.Message, error);
        }
    }

    [LoggerMessage(3401, LogLevel.Warning, "volumes of pods that are gone cannot be removed: {Why}; the next start of the agent tries again")]
    private static partial void NotRemoved(ILogger log, string why, Exception error);
}
