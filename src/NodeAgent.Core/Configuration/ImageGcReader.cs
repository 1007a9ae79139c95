using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Status;

namespace NodeAgent.Core.Configuration;

/// <summary>
/// When unused images go, in the names of KubeletConfiguration, and which never do (<c>pinnedImages</c>; there the container runtime says it). What is written is
/// checked together with the defaults of what is not: a high threshold of 70 alone is not above the low one of 80.
/// </summary>
internal readonly struct ImageGcReader(ManifestFindings findings, ManifestNode document)
{
    public static readonly string[] Fields = [High, Low, MinimumAge, MaximumAge, Pinned];

    private const string High = "imageGCHighThresholdPercent";
    private const string Low = "imageGCLowThresholdPercent";
    private const string MinimumAge = "imageMinimumGCAge";
    private const string MaximumAge = "imageMaximumGCAge";
    private const string Pinned = "pinnedImages";
    private const string PercentRemedy = "write a number of percent, without a sign";
    private const string AgeRemedy = "write it as 2m or 168h";

    /// <returns>Null when nothing of it is written.</returns>
    public ImageGcSettings? Read()
    {
        ManifestNode written = document;
        if (!Fields.Any(field => field != Pinned && written.Find(field) is not null))
            return null;
        ImageGcSettings defaults = ImageGcSettings.Default;
        MappingReader root = new(findings, document, FieldPath.Root);
        int? high = root.Count(High, 0, 100, PercentRemedy), low = root.Count(Low, 0, 100, PercentRemedy);
        TimeSpan? minimum = root.Duration(MinimumAge, default, TimeSpan.MaxValue, AgeRemedy), maximum = root.Duration(MaximumAge, default, TimeSpan.MaxValue, AgeRemedy);
        ImageGcSettings settings = new(
            high ?? defaults.HighThresholdPercent, low ?? defaults.LowThresholdPercent, minimum ?? defaults.MinimumAge, maximum ?? defaults.MaximumAge);
        if (settings.LowThresholdPercent >= settings.HighThresholdPercent)
        {
            RefuseTogether(low is null ? High : Low, $"{Low} is {settings.LowThresholdPercent}{Default(low)}, {High} {settings.HighThresholdPercent}{Default(high)}",
                $"{Low} must be below {High}");
        }

        if (settings.MaximumAge > TimeSpan.Zero && settings.MaximumAge <= settings.MinimumAge)
        {
            RefuseTogether(maximum is null ? MinimumAge : MaximumAge,
                $"{MaximumAge} is {GoDuration.Format(settings.MaximumAge)}{Default(maximum)}, {MinimumAge} {GoDuration.Format(settings.MinimumAge)}{Default(minimum)}",
                $"{MaximumAge} must be longer than {MinimumAge}, or 0s for never");
        }

        return settings;

        static string Default<T>(T? value) where T : struct => value is null ? " by default" : "";
    }

    /// <returns>Null when it is not written.</returns>
    public IReadOnlyList<string>? ReadPinned(Func<string, string?> problem)
    {
        if (document.Find(Pinned) is not { } entry)
            return null;
        FieldPath path = FieldPath.Root.Field(Pinned);
        if (entry.Value.Kind != NodeKind.Sequence)
        {
            findings.Add(entry.Value, path, ManifestReason.WrongType, $"is {entry.Value.Description}, expected a list", "write - NAME for each image");
            return null;
        }

        List<string> patterns = [];
        foreach (ManifestNode item in entry.Value.Items)
        {
            FieldPath at = path.Index(patterns.Count);
            if (item.Kind != NodeKind.String || item.Text.Length == 0)
                findings.Add(item, at, ManifestReason.WrongType, $"is {item.Description}, expected the name of an image", "quote it");
            else if (problem(item.Text) is { } fault)
                findings.Add(item, at, ManifestReason.InvalidValue, $"is {ManifestText.Quote(item.Text)}: {fault}", "write a name, or the beginning of one and *");
            patterns.Add(item.Text);
        }

        return patterns;
    }

    private void RefuseTogether(string field, string message, string remedy)
    {
        if (document.Find(field) is { } entry)
            findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.OutOfRange, "does not go together: " + message, remedy);
    }
}
