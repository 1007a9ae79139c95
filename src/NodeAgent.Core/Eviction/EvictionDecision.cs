using System.Collections.Immutable;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Eviction;

/// <summary>What has to be remembered between two looks at the node. Immutable; times are steady time.</summary>
/// <param name="MetSince">Since when each threshold has been met without a break.</param>
/// <param name="Due">Thresholds that drove an eviction at the last look: they stay met until their minimum reclaim is there too.</param>
/// <param name="LastSeen">When each node condition was seen last.</param>
public sealed record EvictionMemory(
    ImmutableDictionary<EvictionThreshold, DateTimeOffset> MetSince,
    ImmutableHashSet<EvictionThreshold> Due,
    ImmutableDictionary<string, DateTimeOffset> LastSeen)
{
    public static readonly EvictionMemory Empty = new(
        ImmutableDictionary<EvictionThreshold, DateTimeOffset>.Empty,
        ImmutableHashSet<EvictionThreshold>.Empty,
        ImmutableDictionary<string, DateTimeOffset>.Empty);
}

/// <summary>
/// What the node's readings ask for. A function of its arguments.
///
/// | a threshold                                                      | is |
/// | less is left than it says                                        | met |
/// | was due at the last look, and its minimum reclaim is not there   | met still |
/// | is met for as long as its grace, or is hard                      | due: something has to go |
/// | is met, or was within the transition period                      | shown: its node condition is True |
///
/// Of several that are due memory comes first, for it runs out within moments; then the order of the settings, hard before soft.
/// </summary>
/// <param name="Memory">To be handed to the next look.</param>
/// <param name="Pressure">The node conditions.</param>
/// <param name="Reclaim">What to find room for now; null when there is room enough.</param>
/// <param name="LookAgainAt">When a threshold that is met becomes due, if nothing is seen to change before; null when none is waiting.</param>
public sealed record EvictionDecision(EvictionMemory Memory, NodePressure Pressure, EvictionThreshold? Reclaim, DateTimeOffset? LookAgainAt)
{
    public static EvictionDecision Of(EvictionMemory memory, EvictionSettings settings, NodeReadings readings, DateTimeOffset now)
    {
        EvictionThreshold[] met =
            [.. settings.Thresholds.Where(t => IsMet(t, readings, withReclaim: false) || (memory.Due.Contains(t) && IsMet(t, readings, withReclaim: true)))];
        ImmutableDictionary<EvictionThreshold, DateTimeOffset> since = met.ToImmutableDictionary(t => t, t => memory.MetSince.GetValueOrDefault(t, now));
        ImmutableDictionary<string, DateTimeOffset> lastSeen = memory.LastSeen;
        foreach (EvictionThreshold threshold in met)
            lastSeen = lastSeen.SetItem(EvictionSignals.Condition(threshold.Signal), now);

        EvictionThreshold[] due = [.. met.Where(t => now - since[t] >= t.Grace)];
        DateTimeOffset? again = null;
        foreach (EvictionThreshold waiting in met.Except(due))
        {
            DateTimeOffset at = since[waiting] + waiting.Grace;
            again = again is null || at < again ? at : again;
        }

        var pressure = new NodePressure(Shown(NodeConditionType.MemoryPressure), Shown(NodeConditionType.DiskPressure), Shown(NodeConditionType.PidPressure));
        EvictionThreshold? first = due.OrderBy(t => EvictionSignals.IsMemory(t.Signal) ? 0 : 1).FirstOrDefault();
        return new EvictionDecision(new EvictionMemory(since, [.. due], lastSeen), pressure, first, again);

        bool Shown(string condition) => lastSeen.TryGetValue(condition, out DateTimeOffset seen) && now - seen < Longer(settings.PressureTransitionPeriod);
    }

    /// <summary>Whether enough is left again, the minimum reclaim included.</summary>
    public static bool IsRelieved(EvictionThreshold threshold, NodeReadings readings) => !IsMet(threshold, readings, withReclaim: true);

    private static bool IsMet(EvictionThreshold threshold, NodeReadings readings, bool withReclaim)
    {
        if (!readings.Signals.TryGetValue(threshold.Signal, out SignalReading reading))
            return false;
        long wanted = threshold.Value.Of(reading.Capacity);
        if (withReclaim && threshold.MinimumReclaim is { } more)
            wanted += more.Of(reading.Capacity);
        return reading.Available < wanted;
    }

    // A period of 0 still shows what is so at this moment.
    private static TimeSpan Longer(TimeSpan period) => period > TimeSpan.Zero ? period : TimeSpan.FromTicks(1);
}
