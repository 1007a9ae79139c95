using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

/// <summary>
/// Pod lifecycle event generator: turns what happens in the runtime into wake-ups of pod workers.
/// <code>
///   runtime event  ------------------------------------------> wake that pod's worker, at once
///   every period   list all pods, compare with the PodCache -> wake those that differ; a pod without a worker is an orphan
/// </code>
/// Events are hints: any may be lost or doubled. The listing is the truth: whatever was lost is healed within one period. It also removes the root filesystems
/// that no container refers to any more.
/// </summary>
public sealed partial class Pleg(
    IPodRuntime runtime,
    ISnapshotter snapshots,
    PodPlanExecutor executor,
    PodCache cache,
    PodWorkers workers,
    SteadyClock clock,
    TimeSpan relistPeriod,
    ILogger<Pleg> log)
{
    private readonly WakeSignal _relistDue = new();

    /// <summary>The relist turns by itself; the event loop sleeps as long as nothing happens, so it is not watched.</summary>
    public LoopHeartbeat Heartbeat { get; } = new("pleg", 3 * relistPeriod, clock.Time);

    /// <summary>Lists now instead of at the end of the period.</summary>
    public void RelistSoon() => _relistDue.Set();

    /// <summary>Forwards events until the agent stops.</summary>
    internal async Task RunEventsAsync(CancellationToken stopping)
    {
        await Task.Yield();
        try
        {
            while (await runtime.Events.WaitToReadAsync(stopping))
            {
                while (runtime.Events.TryRead(out var happened))
                {
                    if (!workers.Wake(happened.Uid))
                        LogUnknownPod(happened.Uid, happened.Kind);
                }
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    /// <summary>Lists every period, the first time after one period, until the agent stops.</summary>
    internal async Task RunRelistAsync(CancellationToken stopping)
    {
        await Task.Yield();
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                await _relistDue.WaitAsync(clock, clock.Now + relistPeriod, stopping);
                _relistDue.Reset();
                await RelistAsync(stopping);
                Heartbeat.Turn();
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    private async Task RelistAsync(CancellationToken stopping)
    {
        try
        {
            // This order makes every snapshot that is listed here and has an owner visible as owned: by a preparation that goes on, or by a record made before the listing.
            var snapshotKeys = await snapshots.ListAsync(stopping);
            var preparing = executor.PreparingSnapshots;
            var states = await runtime.ListPodsAsync(stopping);
            WakeDiffering(states);
            await RemoveUnownedSnapshotsAsync(snapshotKeys, preparing, states, stopping);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            LogRelistFailed(error);
        }
    }

    private void WakeDiffering(IReadOnlyList<PodRuntimeState> states)
    {
        var listed = states.ToDictionary(state => state.Uid);
        foreach (var uid in workers.Uids)
        {
            if (cache.Differs(uid, listed.GetValueOrDefault(uid)))
                workers.Wake(uid);
            listed.Remove(uid);
        }

        foreach (var orphan in listed.Values)
            workers.AdoptOrphan(orphan);
    }

    private async Task RemoveUnownedSnapshotsAsync(
        IReadOnlyList<string> keys, IReadOnlyCollection<string> preparing, IReadOnlyList<PodRuntimeState> states, CancellationToken stopping)
    {
        var owned = new HashSet<string>(preparing, StringComparer.Ordinal);
        owned.UnionWith(states.SelectMany(state => state.Containers).Select(run => run.Id.Value));
        foreach (string key in keys)
        {
            if (owned.Contains(key))
                continue;
            LogUnownedSnapshot(key);
            await snapshots.RemoveAsync(key, stopping);
        }
    }
}
