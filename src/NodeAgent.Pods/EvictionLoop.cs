using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Pods;

/// <summary>
/// Keeps the node alive when pods take more than it has.
/// <code>
///   every period, and whenever the kernel reports stalls for memory (CheckSoon):
///     read the node -> EvictionDecision -> conditions shown
///     once a period: pods over a disk limit of their own are evicted
///     something is short -> make room on the node -> enough: done
///                                                 -> not enough: evict the first in rank, wait until it is gone, look again at once
/// </code>
/// One pod at a time: what its end frees is seen before another has to go. A pod that does not end within <see cref="CleanupLimit"/> is not waited for any longer.
/// Callers: the daemon (CheckSoon, from any thread). Only this task evicts.
/// The period is re-armed after the work, so a slow disk makes it rarer and never piles it up.
/// </summary>
public sealed partial class EvictionLoop
{
    /// <summary>As long as a kubelet waits for a pod that it has evicted.</summary>
    public static readonly TimeSpan CleanupLimit = TimeSpan.FromSeconds(30);

    /// <summary>Beyond the longest wait and a walk over many files the loop hangs.</summary>
    private static readonly TimeSpan HeartbeatLimit = TimeSpan.FromMinutes(5);

    private readonly IPodRuntime _runtime;
    private readonly INodeStats _stats;
    private readonly PodWorkers _workers;
    private readonly NodeConditions _conditions;
    private readonly ImageCollector _images;
    private readonly NodeReclaim _reclaim;
    private readonly EventStore _events;
    private readonly EvictionSettings _settings;
    private readonly TimeSpan _period;
    private readonly string _nodeName;
    private readonly SteadyClock _clock;
    private readonly ILogger<EvictionLoop> _log;
    private readonly WakeSignal _soon = new();
    private EvictionMemory _memory = EvictionMemory.Empty;
    private string? _toldNobodyFor;
    private DateTimeOffset _limitsDueAt = DateTimeOffset.MinValue;

    internal EvictionLoop(
        IPodRuntime runtime, ISnapshotter snapshots, ImageCollector images, INodeStats stats, PodWorkers workers, NodeConditions conditions, EventStore events,
        EvictionSettings settings, TimeSpan period, string nodeName, SteadyClock clock, ILogger<EvictionLoop> log)
    {
        (_runtime, _stats, _workers, _conditions, _events) = (runtime, stats, workers, conditions, events);
        (_settings, _period, _nodeName, _clock, _log) = (settings, period, nodeName, clock, log);
        _images = images;
        _reclaim = new NodeReclaim(runtime, snapshots, images);
        Heartbeat = new LoopHeartbeat("eviction", HeartbeatLimit, clock.Time);
    }

    public LoopHeartbeat Heartbeat { get; }

    /// <summary>Something runs short, by the kernel's word: look now.</summary>
    public void CheckSoon() => _soon.Set();

    internal async Task RunAsync(CancellationToken stopping)
    {
        await Task.Yield();
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                _soon.Reset();
                var next = await TurnAsync(stopping);
                Heartbeat.Turn();
                await _soon.WaitAsync(_clock, next, stopping);
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    private async Task<DateTimeOffset> TurnAsync(CancellationToken stopping)
    {
        try
        {
            return await LookAsync(stopping);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            LogFailed(error);
            return _clock.Now + _period;
        }
    }

    /// <returns>When to look again.</returns>
    private async Task<DateTimeOffset> LookAsync(CancellationToken stopping)
    {
        var readings = _stats.ReadNode();
        var decision = EvictionDecision.Of(_memory, _settings, readings, _clock.Now);
        _memory = decision.Memory;
        if (_conditions.Set(decision.Pressure))
            LogPressure(decision.Pressure);
        if (decision.Reclaim is null)
            _toldNobodyFor = null;

        if (_clock.Now >= _limitsDueAt)
        {
            await EnforceLimitsAsync(readings.DedicatedImageFs, stopping);
            _limitsDueAt = _clock.Now + _period;
        }

        if (decision.Reclaim is { } threshold && await ReclaimAsync(threshold, readings, stopping))
            return _clock.Now;
        var next = _clock.Now + _period;
        return decision.LookAgainAt is { } again && again < next ? again : next;
    }

    /// <returns>Whether a pod had to go: then the next look follows at once.</returns>
    private async Task<bool> ReclaimAsync(EvictionThreshold threshold, NodeReadings readings, CancellationToken stopping)
    {
        string resource = EvictionSignals.Resource(threshold.Signal);
        _events.Record(
            new ObjectReference { ApiVersion = "v1", Kind = "Node", Name = _nodeName, Uid = _nodeName },
            EventType.Warning, "EvictionThresholdMet", "Attempting to reclaim " + resource);
        var there = await ListAsync(stopping);
        if (await _reclaim.FreeAsync(threshold, _stats, there, _workers.Over, stopping))
            return false;
        var states = Active(there);

        var kinds = EvictionSignals.Condition(threshold.Signal) switch
        {
            NodeConditionType.MemoryPressure => UsageKinds.Memory,
            NodeConditionType.PidPressure => UsageKinds.Processes,
            _ => UsageKinds.Disk,
        };
        var usages = await _stats.ReadPodsAsync(states, kinds, stopping);
        foreach (var victim in EvictionRanking.Of(threshold.Signal, usages, readings.DedicatedImageFs))
        {
            var verdict = EvictionVerdict.ForNode(threshold, readings, victim, _settings, _clock.Now);
            if (!Evict(victim, verdict, out var over))
                continue;
            LogEvicted(victim.Pod, EvictionSignals.Name(threshold.Signal), verdict.Message);
            await WaitForEndAsync([over], stopping);
            return true;
        }

        if (_toldNobodyFor != resource)
            LogNobody(resource);
        _toldNobodyFor = resource;
        return false;
    }

    private async Task EnforceLimitsAsync(bool dedicatedImageFs, CancellationToken stopping)
    {
        // Nobody is asked for anything as long as no pod has such a limit.
        if (!_workers.Specifications.Any(LocalStorageLimits.HasAny))
            return;
        var states = Active(await ListAsync(stopping));
        var usages = await _stats.ReadPodsAsync([.. states.Where(state => LocalStorageLimits.HasAny(state.Pod))], UsageKinds.Disk, stopping);
        List<Task> ending = [];
        foreach (var usage in usages)
        {
            if (LocalStorageLimits.Excess(usage, dedicatedImageFs) is not { } message || !Evict(usage, EvictionVerdict.ForLimit(message, _clock.Now), out var over))
                continue;
            LogEvicted(usage.Pod, "its own limit", message);
            ending.Add(over);
        }

        await WaitForEndAsync(ending, stopping);
    }

    /// <param name="over">The pod's end.</param>
    /// <returns>False when it is over already.</returns>
    private bool Evict(PodUsage usage, PodVerdict verdict, out Task over)
    {
        if (!_workers.Fail(usage.Uid, verdict, out over))
            return false;
        _events.Record(usage.Pod, EventType.Warning, verdict.Reason, verdict.Message);
        return true;
    }

    private async Task WaitForEndAsync(IReadOnlyCollection<Task> ending, CancellationToken stopping)
    {
        try
        {
            await Task.WhenAll(ending).WaitAsync(CleanupLimit, _clock.Time, stopping);
        }
        catch (TimeoutException)
        {
            LogStillThere((int)CleanupLimit.TotalSeconds);
        }
    }

    private async Task<IReadOnlyList<PodRuntimeState>> ListAsync(CancellationToken stopping)
    {
        var states = await _runtime.ListPodsAsync(stopping);
        await _images.NoteAsync(states, stopping);
        return states;
    }

    /// <summary>The pods that are neither over nor on their way out, as they are specified now.</summary>
    private IReadOnlyList<PodRuntimeState> Active(IReadOnlyList<PodRuntimeState> states)
    {
        var active = _workers.Active;
        return [.. states.Where(state => active.ContainsKey(state.Uid)).Select(state => state with { Pod = active[state.Uid] })];
    }
}
