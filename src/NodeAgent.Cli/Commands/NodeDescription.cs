using System.Globalization;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands;

/// <summary>What <c>describe node</c> says.</summary>
internal static class NodeDescription
{
    /// <param name="images">What all images take on disk.</param>
    public static void Write(Description description, Node node, string images, IReadOnlyList<Pod> pods, DateTimeOffset now)
    {
        description.Field(0, "Name", node.Metadata.Name);
        description.Field(0, "Labels", PodDescription.Pairs(node.Metadata.Labels, "="));
        description.Field(0, "Annotations", PodDescription.Pairs(node.Metadata.Annotations, ": "));
        description.Field(0, "CreationTimestamp", PodDescription.Time(node.Metadata.CreationTimestamp));
        description.Field(0, "Unschedulable", node.Spec.Unschedulable == true ? "true" : "false");
        PodDescription.Conditions(description, (node.Status.Conditions ?? [])
            .Select(condition => new[] { condition.Type, condition.Status, condition.Reason ?? "", condition.Message ?? "" }), ["Type", "Status", "Reason", "Message"]);
        description.Heading(0, "Addresses");
        foreach (NodeAddress address in node.Status.Addresses ?? []) description.Field(1, address.Type, address.Address);
        Quantities(description, "Capacity", node.Status.Capacity);
        Quantities(description, "Allocatable", node.Status.Allocatable);
        Requests(description, node.Status.Allocatable, pods);
        if (node.Status.NodeInfo is { } info)
        {
            description.Heading(0, "System Info");
            description.Field(1, "Machine ID", info.MachineID);
            description.Field(1, "Boot ID", info.BootID);
            description.Field(1, "Kernel Version", info.KernelVersion);
            description.Field(1, "OS Image", info.OsImage);
            description.Field(1, "Operating System", info.OperatingSystem);
            description.Field(1, "Architecture", info.Architecture);
            description.Field(1, "Container Runtime Version", info.ContainerRuntimeVersion);
            description.Field(1, "Agent Version", info.KubeletVersion);
        }
        description.Field(0, "Images", images);
        description.Heading(0, $"Pods ({pods.Count} in total)");
        if (pods.Count == 0) return;
        description.Row(1, "Namespace", "Name", "Ready", "Status", "Age");
        description.Row(1, "---------", "----", "-----", "------", "---");
        foreach (Pod pod in pods)
            description.Row(1, pod.Metadata!.Namespace!, pod.Metadata.Name!, PodStatusColumn.Ready(pod), PodStatusColumn.Status(pod), PodStatusColumn.Age(pod, now));
    }

    /// <summary>What the pods that are not over ask for together, and how much of the allocatable that is.</summary>
    private static void Requests(Description description, IReadOnlyDictionary<string, Quantity>? allocatable, IReadOnlyList<Pod> pods)
    {
        if (allocatable is null) return;
        NodeResources asked = NodeResources.None;
        foreach (Pod pod in pods.Where(pod => pod.Status?.Phase is not (PodPhase.Succeeded or PodPhase.Failed)))
            asked += NodeResources.RequestedBy(pod);
        description.Heading(0, "Allocated resources");
        description.Row(1, "Resource", "Requests");
        description.Row(1, "--------", "--------");
        foreach ((string name, Quantity amount) in asked.ToQuantities())
        {
            long most = allocatable.GetValueOrDefault(name).MilliValue;
            description.Row(1, name, most > 0 ? string.Create(CultureInfo.InvariantCulture, $"{amount} ({100.0 * amount.MilliValue / most:F0}%)") : amount.ToString());
        }
    }

    private static void Quantities(Description description, string title, IReadOnlyDictionary<string, Quantity>? quantities)
    {
        if (quantities is null || quantities.Count == 0) return;
        description.Heading(0, title);
        foreach ((string name, Quantity quantity) in quantities.OrderBy(pair => pair.Key, StringComparer.Ordinal)) description.Field(1, name, quantity.ToString());
    }
}
