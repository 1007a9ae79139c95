using NodeAgent.Core.Eviction;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Status;

namespace NodeAgent.Core.Configuration;

/// <summary>
/// The eviction settings of a configuration file, in the names of KubeletConfiguration. As there, a written <c>evictionHard</c> replaces all defaults, so
/// <c>evictionHard: {}</c> turns hard eviction off; 0% and 100% turn one threshold off; every soft threshold needs its grace period.
/// </summary>
internal readonly struct EvictionReader(ManifestFindings findings, ManifestNode document)
{
    public static readonly string[] Fields =
    [
        Hard, Soft, SoftGrace, MinimumReclaim, TransitionPeriod, MaxGrace,
    ];

    private const string Hard = "evictionHard";
    private const string Soft = "evictionSoft";
    private const string SoftGrace = "evictionSoftGracePeriod";
    private const string MinimumReclaim = "evictionMinimumReclaim";
    private const string TransitionPeriod = "evictionPressureTransitionPeriod";
    private const string MaxGrace = "evictionMaxPodGracePeriod";
    private const int LongestGrace = 24 * 3600;

    /// <returns>Null when nothing of it is written.</returns>
    public EvictionSettings? Read()
    {
        ManifestNode written = document;
        if (!Fields.Any(field => written.Find(field) is not null))
            return null;
        Dictionary<EvictionSignal, ThresholdValue>? hard = Map<ThresholdValue>(Hard, Amount);
        Dictionary<EvictionSignal, ThresholdValue> soft = Map<ThresholdValue>(Soft, Amount) ?? [];
        Dictionary<EvictionSignal, TimeSpan> grace = Map<TimeSpan>(SoftGrace, Duration) ?? [];
        Dictionary<EvictionSignal, ThresholdValue> reclaim = Map<ThresholdValue>(MinimumReclaim, Amount) ?? [];
        foreach (EvictionSignal signal in soft.Keys.Except(grace.Keys).ToArray())
        {
            string name = EvictionSignals.Name(signal);
            findings.Add(document.Find(Soft)!.Value.Find(name) ?? document.Find(Soft)!, FieldPath.Root.Field(Soft).Key(name), ManifestReason.MissingField,
                "has no grace period", $"write {SoftGrace}: {{{name}: 1m30s}}");
            soft.Remove(signal);
        }

        EvictionSettings settings = EvictionSettings.Of(hard ?? EvictionSettings.DefaultHard, soft, grace, reclaim);
        return settings with
        {
            PressureTransitionPeriod = document.Find(TransitionPeriod) is { } period ? Duration(period.Value, FieldPath.Root.Field(TransitionPeriod)) ?? default : settings.PressureTransitionPeriod,
            MaxPodGracePeriod = TimeSpan.FromSeconds(Seconds()),
        };
    }

    private Dictionary<EvictionSignal, T>? Map<T>(string field, Func<ManifestNode, FieldPath, T?> read) where T : struct
    {
        if (document.Find(field) is not { } entry)
            return null;
        FieldPath path = FieldPath.Root.Field(field);
        if (entry.Value.Kind != NodeKind.Mapping)
        {
            findings.Add(entry.Value, path, ManifestReason.WrongType, $"is {entry.Value.Description}, expected an object", "write a signal under it, e.g. memory.available: 100Mi");
            return null;
        }

        Dictionary<EvictionSignal, T> map = [];
        foreach (ManifestEntry one in entry.Value.Entries)
        {
            FieldPath at = path.Key(one.Key);
            if (!EvictionSignals.Configurable.Contains(one.Key, StringComparer.Ordinal))
                findings.Add(one, at, ManifestReason.UnsupportedValue, "is no eviction signal", "one of: " + string.Join(", ", EvictionSignals.Configurable));
            else if (read(one.Value, at) is { } value)
                map[EvictionSignals.Find(one.Key)!.Value] = value;
        }

        return map;
    }

    private ThresholdValue? Amount(ManifestNode node, FieldPath path)
    {
        ThresholdValue? value = ThresholdValue.Parse(node.Text, out string? problem);
        if (value is null)
            findings.Add(node, path, ManifestReason.InvalidValue, $"is {ManifestText.Quote(node.Text)}: {problem}", "write it as 100Mi or 10%");
        return value;
    }

    private TimeSpan? Duration(ManifestNode node, FieldPath path)
    {
        TimeSpan? duration = GoDuration.TryParse(node.Text);
        if (duration is null)
            findings.Add(node, path, ManifestReason.InvalidValue, $"is {ManifestText.Quote(node.Text)}, which is no duration", "write it as 20s or 1m30s");
        else if (duration < TimeSpan.Zero)
            findings.Add(node, path, ManifestReason.OutOfRange, $"is {ManifestText.Quote(node.Text)}, which is negative", "0s or more");
        else
            return duration;
        return null;
    }

    private long Seconds()
    {
        if (document.Find(MaxGrace) is not { } entry)
            return 0;
        FieldPath path = FieldPath.Root.Field(MaxGrace);
        if (entry.Value.Kind != NodeKind.Int)
            findings.Add(entry.Value, path, ManifestReason.WrongType, $"is {entry.Value.Description}, expected a number of seconds", "write a whole number");
        else if (entry.Value.Integer is < 0 or > LongestGrace)
            findings.Add(entry.Value, path, ManifestReason.OutOfRange, $"is {entry.Value.Integer}", $"between 0 and {LongestGrace}");
        else
            return (long)entry.Value.Integer;
        return 0;
    }
}
