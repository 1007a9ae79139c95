using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Api.Resources;

/// <summary>Columns as kube-apiserver gives them for pods.</summary>
internal sealed class PodResource : ResourceView<Pod>
{
    public override string Kind => "Pod";
    public override string ApiVersion => "v1";
    public override string Plural => "pods";
    public override JsonTypeInfo<Pod> Contract => KubernetesJson.Wire.Pod;

    public override IReadOnlyList<TableColumnDefinition> Columns { get; } =
    [
        Column("Name", "Name of the pod.", format: "name"),
        Column("Ready", "How many of its containers are ready."),
        Column("Status", "In one word, what it is doing."),
        Column("Restarts", "How often its containers were restarted, and when last."),
        Column("Age", "Time since it was made."),
        Column("IP", "Its address.", 1),
        Column("Node", "The node it runs on.", 1),
        Column("Nominated Node", "The node it may get room on.", 1),
        Column("Readiness Gates", "How many of its readiness gates hold.", 1),
    ];

    public override ObjectMeta Metadata(Pod value) => value.Metadata!;

    public override IReadOnlyList<JsonNode?> Cells(Pod value, DateTimeOffset now) =>
    [
        value.Metadata!.Name, PodStatusColumn.Ready(value), PodStatusColumn.Status(value), PodStatusColumn.Restarts(value, now),
        Age.Of(value.Metadata.CreationTimestamp, now), Or(value.Status?.PodIP), Or(value.Spec?.NodeName), Or(value.Status?.NominatedNodeName), Gates(value),
    ];

    private static string Gates(Pod pod)
    {
        if (pod.Spec?.ReadinessGates is not { Count: > 0 } gates) return "<none>";
        int holding = gates.Count(gate => pod.Status?.Conditions?.Any(condition =>
            condition.Type == gate.ConditionType && condition.Status == ConditionStatus.True) == true);
        return $"{holding}/{gates.Count}";
    }

    private static string Or(string? text) => string.IsNullOrEmpty(text) ? "<none>" : text;
}
