using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

internal static class MetadataValidator
{
    private const int MaxAnnotationBytes = 256 * 1024;

    public static void Validate(ObjectMeta metadata, ValidationScope at)
    {
        if (at["name"].Required(metadata.Name, "write a name under metadata")) at["name"].DnsSubdomain(metadata.Name);
        at["namespace"].DnsLabel(metadata.Namespace);
        Labels(metadata.Labels, at["labels"]);
        Annotations(metadata.Annotations, at["annotations"]);
    }

    public static void Labels(IReadOnlyDictionary<string, string>? labels, ValidationScope at)
    {
        foreach ((string key, string value) in labels ?? NoLabels)
        {
            at.Key(key).Spelled(key, Syntax.IsQualifiedName, "as key " + Syntax.QualifiedNameRule);
            at.Key(key).Spelled(value, Syntax.IsLabelValue,
                "a label value: at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit");
        }
    }

    public static void LabelSelector(LabelSelector? selector, ValidationScope at)
    {
        if (selector is null) return;
        Labels(selector.MatchLabels, at["matchLabels"]);
        for (int i = 0; i < (selector.MatchExpressions?.Count ?? 0); i++)
        {
            LabelSelectorRequirement requirement = selector.MatchExpressions![i];
            ValidationScope scope = at["matchExpressions"][i];
            if (scope["key"].Required(requirement.Key)) scope["key"].QualifiedName(requirement.Key);
            if (!scope["operator"].Required(requirement.Operator)) continue;
            scope["operator"].OneOf(requirement.Operator, LabelSelectorOperator.In, LabelSelectorOperator.NotIn,
                LabelSelectorOperator.Exists, LabelSelectorOperator.DoesNotExist);
            Values(requirement.Operator, requirement.Values, scope["values"]);
        }
    }

    /// <summary>In and NotIn take values, Exists and DoesNotExist take none.</summary>
    public static void Values(string? comparison, IReadOnlyList<string>? values, ValidationScope at)
    {
        bool some = values is { Count: > 0 };
        if (comparison is LabelSelectorOperator.In or LabelSelectorOperator.NotIn && !some)
            at.Missing($"{comparison} needs at least one value");
        if (comparison is LabelSelectorOperator.Exists or LabelSelectorOperator.DoesNotExist && some)
            at.Exclusive($"may not be set when the operator is {comparison}", "remove the values");
    }

    private static void Annotations(IReadOnlyDictionary<string, string>? annotations, ValidationScope at)
    {
        long bytes = 0;
        foreach ((string key, string value) in annotations ?? NoLabels)
        {
            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
            at.Key(key).Spelled(key.ToLowerInvariant(), Syntax.IsQualifiedName, "as key " + Syntax.QualifiedNameRule);
        }
        if (bytes > MaxAnnotationBytes)
            at.Error(ManifestReason.TooLong, $"come to {bytes} bytes, more than {MaxAnnotationBytes}", "keep large data in a file");
    }

    private static readonly IReadOnlyDictionary<string, string> NoLabels = new Dictionary<string, string>();
}
