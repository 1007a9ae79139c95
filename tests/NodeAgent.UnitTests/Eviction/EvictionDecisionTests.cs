using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Eviction;

/// <summary>What the node's readings ask for, step by step in time.</summary>
public sealed class EvictionDecisionTests
{
    private const long Mi = 1 << 20;
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <param name="Readings">Of memory (capacity 1000 Mi), nodefs (1000 Mi) and pids (1000): what is available; null for no reading.</param>
    /// <param name="Expected">What to reclaim, with (soft) after a soft one; then the conditions that are shown: M, D, P.</param>
    private sealed record Step(double At, (long? Memory, long? Disk, long? Pids) Readings, string Expected);

    private static readonly EvictionSettings Settings = EvictionSettings.Of(
        new Dictionary<EvictionSignal, ThresholdValue>
        {
            [EvictionSignal.MemoryAvailable] = ThresholdValue.OfAmount(Quantity.Parse("100Mi")),
            [EvictionSignal.NodeFsAvailable] = ThresholdValue.OfPercent(10),
            [EvictionSignal.PidAvailable] = ThresholdValue.OfAmount(Quantity.Parse("50")),
        },
        new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.MemoryAvailable] = ThresholdValue.OfPercent(30) },
        new Dictionary<EvictionSignal, TimeSpan> { [EvictionSignal.MemoryAvailable] = TimeSpan.FromSeconds(60) },
        new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.NodeFsAvailable] = ThresholdValue.OfAmount(Quantity.Parse("50Mi")) });

    [Fact]
    public void Enough_of_everything_asks_for_nothing() => Run(new Step(0, (500, 500, 500), "-"));

    [Fact]
    public void A_hard_threshold_is_due_at_once_and_exactly_at_the_amount_it_is_not_met() => Run(
        new Step(0, (300, 100, 50), "-"),
        new Step(1, (99, 500, 500), "memory.available M"));

    [Fact]
    public void A_percentage_is_of_the_capacity() => Run(new Step(0, (500, 99, 500), "nodefs.available D"));

    [Fact]
    public void A_signal_without_a_reading_is_never_met() => Run(new Step(0, (null, null, null), "-"));

    [Fact]
    public void Memory_comes_before_everything_else() => Run(new Step(0, (50, 50, 10), "memory.available MDP"));

    [Fact]
    public void A_soft_threshold_is_due_after_its_grace_without_a_break_and_shows_its_condition_before() => Run(
        new Step(0, (250, 500, 500), "- M"),
        new Step(59, (250, 500, 500), "- M"),
        new Step(60, (250, 500, 500), "memory.available(soft) M"));

    [Fact]
    public void A_break_starts_the_grace_of_a_soft_threshold_anew() => Run(
        new Step(0, (250, 500, 500), "- M"),
        new Step(50, (350, 500, 500), "- M"),
        new Step(60, (250, 500, 500), "- M"),
        new Step(119, (250, 500, 500), "- M"),
        new Step(120, (250, 500, 500), "memory.available(soft) M"));

    [Fact]
    public void The_hard_threshold_of_a_signal_comes_before_its_soft_one() => Run(
        new Step(0, (250, 500, 500), "- M"),
        new Step(70, (90, 500, 500), "memory.available M"));

    [Fact]
    public void Once_due_a_threshold_stays_met_until_its_minimum_reclaim_is_there_too() => Run(
        new Step(0, (500, 99, 500), "nodefs.available D"),
        new Step(10, (500, 120, 500), "nodefs.available D"),
        new Step(20, (500, 150, 500), "- D"),
        new Step(30, (500, 120, 500), "- D"));

    [Fact]
    public void A_condition_is_shown_for_the_transition_period_after_it_was_seen_last() => Run(
        new Step(0, (500, 500, 10), "pid.available P"),
        new Step(10, (500, 500, 500), "- P"),
        new Step(299, (500, 500, 500), "- P"),
        new Step(300, (500, 500, 500), "-"));

    [Fact]
    public void When_a_soft_threshold_waits_the_next_look_is_at_the_end_of_its_grace()
    {
        EvictionDecision decision = EvictionDecision.Of(EvictionMemory.Empty, Settings, Readings((250, 500, 500)), Start);
        Assert.Equal(Start.AddSeconds(60), decision.LookAgainAt);
        Assert.Null(EvictionDecision.Of(decision.Memory, Settings, Readings((250, 500, 500)), Start.AddSeconds(60)).LookAgainAt);
    }

    [Fact]
    public void The_defaults_are_the_kubelet_s_and_watch_the_pods_own_memory_too()
    {
        Assert.Equal(
            ["memory.available<100Mi", "allocatableMemory.available<100Mi", "nodefs.available<10%", "nodefs.inodesFree<5%", "imagefs.available<15%", "imagefs.inodesFree<5%"],
            EvictionSettings.Default.Thresholds.Select(t => $"{EvictionSignals.Name(t.Signal)}<{t.Value}"));
        Assert.All(EvictionSettings.Default.Thresholds, t => Assert.True(t.IsHard));
        Assert.Equal(TimeSpan.FromMinutes(5), EvictionSettings.Default.PressureTransitionPeriod);
    }

    [Theory]
    [InlineData("0%")]
    [InlineData("100%")]
    [InlineData("0")]
    public void Nothing_and_everything_turn_a_threshold_off(string text)
    {
        ThresholdValue value = ThresholdValue.Parse(text, out _)!.Value;
        Assert.Empty(EvictionSettings.Of(new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.PidAvailable] = value }).Thresholds);
    }

    /// <summary>
    /// Random readings against a model that keeps the whole history instead of a memory: a threshold is due when it has been met at every look for its grace, where
    /// "met" may lean on having been due at the look before.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_readings_agree_with_a_model_of_the_whole_history(int seed)
    {
        var random = new Random(seed);
        EvictionMemory memory = EvictionMemory.Empty;
        DateTimeOffset now = Start;
        List<(DateTimeOffset At, HashSet<EvictionThreshold> Met, HashSet<EvictionThreshold> Due)> history = [];
        for (int look = 0; look < 2000; look++)
        {
            now += TimeSpan.FromSeconds(random.Next(1, 40));
            NodeReadings readings = Readings((Draw(400), Draw(200), Draw(100)));
            EvictionDecision decision = EvictionDecision.Of(memory, Settings, readings, now);
            memory = decision.Memory;

            HashSet<EvictionThreshold> met = [.. Settings.Thresholds.Where(t => IsBelow(t, readings, history.Count > 0 && history[^1].Due.Contains(t)))];
            history.Add((now, met, []));
            HashSet<EvictionThreshold> due = [.. met.Where(t => now - history[history.FindLastIndex(h => !h.Met.Contains(t)) + 1].At >= t.Grace)];
            history[^1].Due.UnionWith(due);

            Assert.Equal(due.OrderBy(t => t.ToString(), StringComparer.Ordinal), decision.Memory.Due.OrderBy(t => t.ToString(), StringComparer.Ordinal));
            Assert.Equal(due.Count == 0, decision.Reclaim is null);
            if (due.Any(t => EvictionSignals.IsMemory(t.Signal)))
                Assert.True(EvictionSignals.IsMemory(decision.Reclaim!.Signal));
            Assert.Equal(SeenWithin(NodeConditionType.MemoryPressure), decision.Pressure.Memory);
            Assert.Equal(SeenWithin(NodeConditionType.DiskPressure), decision.Pressure.Disk);
            Assert.Equal(SeenWithin(NodeConditionType.PidPressure), decision.Pressure.Pid);
        }

        Assert.Contains(history, h => h.Due.Any(t => !t.IsHard));
        Assert.Contains(history, h => h.Due.Count == 0);

        long Draw(int most) => random.Next(most) + (random.Next(3) == 0 ? most : 0);
        bool SeenWithin(string condition) => history.Exists(h => now - h.At < Settings.PressureTransitionPeriod && h.Met.Any(t => EvictionSignals.Condition(t.Signal) == condition));
    }

    private static bool IsBelow(EvictionThreshold threshold, NodeReadings readings, bool wasDue)
    {
        if (!readings.Signals.TryGetValue(threshold.Signal, out SignalReading reading))
            return false;
        long wanted = threshold.Value.Of(reading.Capacity) + (wasDue ? threshold.MinimumReclaim?.Of(reading.Capacity) ?? 0 : 0);
        return reading.Available < wanted;
    }

    private static void Run(params Step[] steps)
    {
        EvictionMemory memory = EvictionMemory.Empty;
        foreach (Step step in steps)
        {
            EvictionDecision decision = EvictionDecision.Of(memory, Settings, Readings(step.Readings), Start.AddSeconds(step.At));
            memory = decision.Memory;
            string reclaim = decision.Reclaim is { } threshold ? EvictionSignals.Name(threshold.Signal) + (threshold.IsHard ? "" : "(soft)") : "-";
            string conditions = (decision.Pressure.Memory ? "M" : "") + (decision.Pressure.Disk ? "D" : "") + (decision.Pressure.Pid ? "P" : "");
            Assert.Equal($"{step.At}: {step.Expected}", $"{step.At}: {reclaim} {conditions}".TrimEnd());
        }
    }

    private static NodeReadings Readings((long? Memory, long? Disk, long? Pids) available)
    {
        Dictionary<EvictionSignal, SignalReading> signals = [];
        if (available.Memory is { } memory)
            signals[EvictionSignal.MemoryAvailable] = new(memory * Mi, 1000 * Mi);
        if (available.Disk is { } disk)
            signals[EvictionSignal.NodeFsAvailable] = new(disk * Mi, 1000 * Mi);
        if (available.Pids is { } pids)
            signals[EvictionSignal.PidAvailable] = new(pids, 1000);
        return new NodeReadings(signals, false);
    }
}
