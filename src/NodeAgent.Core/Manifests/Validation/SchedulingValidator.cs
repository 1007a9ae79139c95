using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Fields for a scheduler: without effect here, but a manifest that a cluster would refuse is refused here too.</summary>
internal static class SchedulingValidator
{
    public static void Validate(PodSpec spec, ValidationScope at)
    {
        MetadataValidator.Labels(spec.NodeSelector, at["nodeSelector"]);
        for (int i = 0; i < (spec.Tolerations?.Count ?? 0); i++) Toleration(spec.Tolerations![i], at["tolerations"][i]);
        if (spec.Affinity is { } affinity) Affinity(affinity, at["affinity"]);
        Spread(spec.TopologySpreadConstraints, at["topologySpreadConstraints"]);
    }

    private static void Toleration(Toleration toleration, ValidationScope at)
    {
        string comparison = PodDefaults.NullIfEmpty(toleration.Operator) ?? TolerationOperator.Equal;
        at["operator"].OneOf(comparison, TolerationOperator.Equal, TolerationOperator.Exists, TolerationOperator.Lt, TolerationOperator.Gt);
        at["effect"].OneOf(PodDefaults.NullIfEmpty(toleration.Effect), TaintEffect.NoSchedule, TaintEffect.PreferNoSchedule,
            TaintEffect.NoExecute);
        if (string.IsNullOrEmpty(toleration.Key))
        {
            if (comparison != TolerationOperator.Exists)
                at["operator"].Exclusive("must be Exists when the key is empty", "write a key, or use Exists to tolerate every taint");
        }
        else
        {
            at["key"].QualifiedName(toleration.Key);
        }
        if (comparison == TolerationOperator.Exists && !string.IsNullOrEmpty(toleration.Value))
            at["value"].Exclusive("must be empty when the operator is Exists", "remove the value, or use Equal");
        if (comparison == TolerationOperator.Equal)
            at["value"].Spelled(toleration.Value, Syntax.IsLabelValue, "a label value");
        if (comparison is TolerationOperator.Lt or TolerationOperator.Gt) Number(toleration.Value, at["value"]);
        if (toleration.TolerationSeconds is not null && toleration.Effect != TaintEffect.NoExecute)
            at["effect"].Exclusive("must be NoExecute when tolerationSeconds is set");
    }

    private static void Affinity(Affinity affinity, ValidationScope at)
    {
        if (affinity.NodeAffinity is { } node)
        {
            ValidationScope scope = at["nodeAffinity"];
            if (node.RequiredDuringSchedulingIgnoredDuringExecution is { } required)
            {
                ValidationScope terms = scope["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
                if (required.NodeSelectorTerms is not { Count: > 0 }) terms.Missing("write at least one term");
                for (int i = 0; i < (required.NodeSelectorTerms?.Count ?? 0); i++) NodeTerm(required.NodeSelectorTerms![i], terms[i]);
            }
            IReadOnlyList<PreferredSchedulingTerm>? preferred = node.PreferredDuringSchedulingIgnoredDuringExecution;
            for (int i = 0; i < (preferred?.Count ?? 0); i++)
            {
                ValidationScope term = scope["preferredDuringSchedulingIgnoredDuringExecution"][i];
                term["weight"].InRange(preferred![i].Weight ?? 0, 1, 100);
                if (preferred[i].Preference is { } preference) NodeTerm(preference, term["preference"]);
                else term["preference"].Missing();
            }
        }
        PodTerms(affinity.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution,
            affinity.PodAffinity?.PreferredDuringSchedulingIgnoredDuringExecution, at["podAffinity"]);
        PodTerms(affinity.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution,
            affinity.PodAntiAffinity?.PreferredDuringSchedulingIgnoredDuringExecution, at["podAntiAffinity"]);
    }

    private static void NodeTerm(NodeSelectorTerm term, ValidationScope at)
    {
        for (int i = 0; i < (term.MatchExpressions?.Count ?? 0); i++) NodeRequirement(term.MatchExpressions![i], at["matchExpressions"][i]);
        for (int i = 0; i < (term.MatchFields?.Count ?? 0); i++)
        {
            NodeSelectorRequirement field = term.MatchFields![i];
            ValidationScope scope = at["matchFields"][i];
            scope["key"].OneOf(field.Key ?? "", "metadata.name");
            scope["operator"].OneOf(field.Operator ?? "", NodeSelectorOperator.In, NodeSelectorOperator.NotIn);
            if (field.Values?.Count != 1) scope["values"].Invalid("must be exactly one value");
        }
    }

    private static void NodeRequirement(NodeSelectorRequirement requirement, ValidationScope at)
    {
        if (at["key"].Required(requirement.Key)) at["key"].QualifiedName(requirement.Key);
        if (!at["operator"].Required(requirement.Operator)) return;
        at["operator"].OneOf(requirement.Operator, NodeSelectorOperator.In, NodeSelectorOperator.NotIn, NodeSelectorOperator.Exists,
            NodeSelectorOperator.DoesNotExist, NodeSelectorOperator.Gt, NodeSelectorOperator.Lt);
        MetadataValidator.Values(requirement.Operator, requirement.Values, at["values"]);
        if (requirement.Operator is not (NodeSelectorOperator.Gt or NodeSelectorOperator.Lt)) return;
        if (requirement.Values?.Count == 1) Number(requirement.Values[0], at["values"][0]);
        else at["values"].Invalid($"must be exactly one number when the operator is {requirement.Operator}");
    }

    private static void PodTerms(IReadOnlyList<PodAffinityTerm>? required, IReadOnlyList<WeightedPodAffinityTerm>? preferred, ValidationScope at)
    {
        for (int i = 0; i < (required?.Count ?? 0); i++) PodTerm(required![i], at["requiredDuringSchedulingIgnoredDuringExecution"][i]);
        for (int i = 0; i < (preferred?.Count ?? 0); i++)
        {
            ValidationScope scope = at["preferredDuringSchedulingIgnoredDuringExecution"][i];
            scope["weight"].InRange(preferred![i].Weight ?? 0, 1, 100);
            if (preferred[i].PodAffinityTerm is { } term) PodTerm(term, scope["podAffinityTerm"]);
            else scope["podAffinityTerm"].Missing();
        }
    }

    private static void PodTerm(PodAffinityTerm term, ValidationScope at)
    {
        if (at["topologyKey"].Required(term.TopologyKey)) at["topologyKey"].QualifiedName(term.TopologyKey);
        MetadataValidator.LabelSelector(term.LabelSelector, at["labelSelector"]);
        MetadataValidator.LabelSelector(term.NamespaceSelector, at["namespaceSelector"]);
        for (int i = 0; i < (term.Namespaces?.Count ?? 0); i++) at["namespaces"][i].DnsLabel(term.Namespaces![i]);
    }

    private static void Spread(IReadOnlyList<TopologySpreadConstraint>? constraints, ValidationScope at)
    {
        var seen = new HashSet<(string?, string?)>();
        for (int i = 0; i < (constraints?.Count ?? 0); i++)
        {
            TopologySpreadConstraint constraint = constraints![i];
            at[i]["maxSkew"].InRange(constraint.MaxSkew ?? 0, 1, int.MaxValue);
            if (at[i]["topologyKey"].Required(constraint.TopologyKey)) at[i]["topologyKey"].QualifiedName(constraint.TopologyKey);
            if (at[i]["whenUnsatisfiable"].Required(constraint.WhenUnsatisfiable))
                at[i]["whenUnsatisfiable"].OneOf(constraint.WhenUnsatisfiable, "DoNotSchedule", "ScheduleAnyway");
            if (constraint.MinDomains is not null)
            {
                at[i]["minDomains"].InRange(constraint.MinDomains, 1, int.MaxValue);
                if (constraint.WhenUnsatisfiable != "DoNotSchedule")
                    at[i]["minDomains"].Exclusive("may be set only when whenUnsatisfiable is DoNotSchedule");
            }
            at[i]["nodeAffinityPolicy"].OneOf(constraint.NodeAffinityPolicy, "Honor", "Ignore");
            at[i]["nodeTaintsPolicy"].OneOf(constraint.NodeTaintsPolicy, "Honor", "Ignore");
            MetadataValidator.LabelSelector(constraint.LabelSelector, at[i]["labelSelector"]);
            if (!seen.Add((constraint.TopologyKey, constraint.WhenUnsatisfiable)))
                at[i].Duplicate($"{constraint.TopologyKey}, {constraint.WhenUnsatisfiable}");
        }
    }

    private static void Number(string? text, ValidationScope at)
    {
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
            at.Invalid($"is {ManifestText.Quote(text ?? "")}, expected a whole number in quotes");
    }
}
