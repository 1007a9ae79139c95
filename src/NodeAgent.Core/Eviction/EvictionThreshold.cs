using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Eviction;

/// <summary>An amount, or a share of what the node has.</summary>
/// <param name="Fraction">0 to 1; counts when there is no <paramref name="Quantity"/>.</param>
public readonly record struct ThresholdValue(Quantity? Quantity, double Fraction)
{
    public static ThresholdValue OfPercent(double percent) => new(null, percent / 100);

    public static ThresholdValue OfAmount(Quantity amount) => new(amount, 0);

    /// <param name="capacity">What the node has of it, in the signal's unit.</param>
    public long Of(long capacity) => Quantity?.Value ?? (long)(capacity * Fraction);

    /// <summary>Reads <c>100Mi</c> or <c>10%</c>.</summary>
    /// <param name="problem">Why it is neither.</param>
    public static ThresholdValue? Parse(string text, out string? problem)
    {
        problem = null;
        if (text.EndsWith('%'))
        {
            if (!double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent))
                problem = "is no percentage";
            else if (percent > 100)
                problem = "is more than everything";
            else
                return OfPercent(percent);
            return null;
        }

        if (!Model.Quantity.TryParse(text, out Quantity amount, out problem))
            return null;
        if (amount.Sign >= 0)
            return OfAmount(amount);
        problem = "is negative";
        return null;
    }

    public override string ToString() => Quantity?.ToString() ?? (Fraction * 100).ToString("0.###", CultureInfo.InvariantCulture) + "%";
}

/// <summary>Less than this left of something, for this long: pods have to go.</summary>
/// <param name="Grace">How long it has to be so; 0 for a hard threshold.</param>
/// <param name="MinimumReclaim">Once met, it stays met until there is this much more than <paramref name="Value"/>.</param>
public sealed record EvictionThreshold(EvictionSignal Signal, ThresholdValue Value, TimeSpan Grace, ThresholdValue? MinimumReclaim = null)
{
    public bool IsHard => Grace == TimeSpan.Zero;
}

/// <summary>When pods are evicted. Names and defaults are those of the kubelet's configuration.</summary>
public sealed record EvictionSettings
{
    /// <summary><c>evictionHard</c> of a configuration that does not write it. A written one replaces all of them.</summary>
    public static readonly IReadOnlyDictionary<EvictionSignal, ThresholdValue> DefaultHard = new Dictionary<EvictionSignal, ThresholdValue>
    {
        [EvictionSignal.MemoryAvailable] = ThresholdValue.OfAmount(Quantity.Parse("100Mi")),
        [EvictionSignal.NodeFsAvailable] = ThresholdValue.OfPercent(10),
        [EvictionSignal.NodeFsInodesFree] = ThresholdValue.OfPercent(5),
        [EvictionSignal.ImageFsAvailable] = ThresholdValue.OfPercent(15),
        [EvictionSignal.ImageFsInodesFree] = ThresholdValue.OfPercent(5),
    };

    public static readonly EvictionSettings Default = Of(DefaultHard);

    public IReadOnlyList<EvictionThreshold> Thresholds { get; init; } = [];

    /// <summary>How long a node condition stays True after its threshold was met last.</summary>
    public TimeSpan PressureTransitionPeriod { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The longest grace of a pod that a soft threshold evicts; its own, when that is shorter.</summary>
    public TimeSpan MaxPodGracePeriod { get; init; }

    /// <summary>The hard threshold of a signal that counts in <paramref name="capacity"/>; 0 when it has none.</summary>
    public long HardThreshold(EvictionSignal signal, long capacity) => Thresholds.FirstOrDefault(t => t.Signal == signal && t.IsHard)?.Value.Of(capacity) ?? 0;

    /// <param name="softGrace">For every signal of <paramref name="soft"/>.</param>
    public static EvictionSettings Of(
        IReadOnlyDictionary<EvictionSignal, ThresholdValue> hard,
        IReadOnlyDictionary<EvictionSignal, ThresholdValue>? soft = null,
        IReadOnlyDictionary<EvictionSignal, TimeSpan>? softGrace = null,
        IReadOnlyDictionary<EvictionSignal, ThresholdValue>? minimumReclaim = null)
    {
        List<EvictionThreshold> thresholds = [];
        foreach ((EvictionSignal signal, ThresholdValue value) in hard.OrderBy(entry => entry.Key))
            Add(signal, value, TimeSpan.Zero);
        foreach ((EvictionSignal signal, ThresholdValue value) in (soft ?? new Dictionary<EvictionSignal, ThresholdValue>()).OrderBy(entry => entry.Key))
            Add(signal, value, softGrace![signal]);
        return new EvictionSettings { Thresholds = thresholds };

        void Add(EvictionSignal signal, ThresholdValue value, TimeSpan grace)
        {
            // 0 % and 100 % turn a threshold off, as they do in a kubelet's configuration.
            if (value.Quantity is null ? value.Fraction is <= 0 or >= 1 : value.Quantity.Value.IsZero)
                return;
            ThresholdValue? reclaim = minimumReclaim is not null && minimumReclaim.TryGetValue(signal, out ThresholdValue more) ? more : null;
            thresholds.Add(new EvictionThreshold(signal, value, grace, reclaim));
            // What pods may have together ends before the node's memory does; the same room is kept free below that limit.
            if (signal == EvictionSignal.MemoryAvailable && grace == TimeSpan.Zero)
                thresholds.Add(new EvictionThreshold(EvictionSignal.AllocatableMemoryAvailable, value, grace, reclaim));
        }
    }
}
