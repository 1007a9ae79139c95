using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Api.Resources;

/// <summary>Columns as kube-apiserver gives them for nodes.</summary>
internal sealed class NodeResource : ResourceView<Node>
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public override string Kind => "Node";
    public override string ApiVersion => "v1";
    public override string Plural => "nodes";
    public override JsonTypeInfo<Node> Contract => KubernetesJson.Wire.Node;

    public override IReadOnlyList<TableColumnDefinition> Columns { get; } =
    [
        Column("Name", "Name of the machine.", format: "name"),
        Column("Status", "The status of the node."),
        Column("Roles", "The roles of the node."),
        Column("Age", "Time since the node is there."),
        Column("Version", "Version of the agent."),
        Column("Internal-IP", "First address of type InternalIP.", 1),
        Column("External-IP", "First address of type ExternalIP.", 1),
        Column("OS-Image", "Name of the operating system.", 1),
        Column("Kernel-Version", "Version of the kernel.", 1),
        Column("Container-Runtime", "Name and version of the container runtime.", 1),
    ];

    public override ObjectMeta Metadata(Node value) => value.Metadata;

    public override IReadOnlyList<JsonNode?> Cells(Node value, DateTimeOffset now) =>
    [
        value.Metadata.Name, Ready(value), Roles(value), Age.Of(value.Metadata.CreationTimestamp, now), Or(value.Status.NodeInfo?.KubeletVersion, "<unknown>"),
        Address(value, "InternalIP"), Address(value, "ExternalIP"), Or(value.Status.NodeInfo?.OsImage, "<unknown>"),
        Or(value.Status.NodeInfo?.KernelVersion, "<unknown>"), Or(value.Status.NodeInfo?.ContainerRuntimeVersion, "<unknown>"),
    ];

    private static string Ready(Node node)
    {
        string ready = node.Status.Conditions?.FirstOrDefault(condition => condition.Type == NodeConditionType.Ready)?.Status switch
        {
            ConditionStatus.True => "Ready",
            null => "Unknown",
            _ => "NotReady",
        };
        return node.Spec.Unschedulable == true ? ready + ",SchedulingDisabled" : ready;
    }

    private static string Roles(Node node)
    {
        string roles = string.Join(',', (node.Metadata.Labels?.Keys ?? []).Where(key => key.StartsWith(RolePrefix, StringComparison.Ordinal))
            .Select(key => key[RolePrefix.Length..]).Order(StringComparer.Ordinal));
        return Or(roles, "<none>");
    }

    private static string Address(Node node, string type) => Or(node.Status.Addresses?.FirstOrDefault(address => address.Type == type)?.Address, "<none>");

    private static string Or(string? text, string otherwise) => string.IsNullOrEmpty(text) ? otherwise : text;
}
