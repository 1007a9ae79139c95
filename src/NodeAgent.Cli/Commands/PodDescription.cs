using System.Globalization;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands;

/// <summary>What <c>describe pod</c> says, in kubectl's order and words.</summary>
internal static class PodDescription
{
    public static void Write(Description description, Pod pod)
    {
        ObjectMeta metadata = pod.Metadata ?? new ObjectMeta();
        PodStatus status = pod.Status ?? new PodStatus();
        description.Field(0, "Name", metadata.Name);
        description.Field(0, "Namespace", metadata.Namespace);
        description.Field(0, "UID", metadata.Uid);
        description.Field(0, "Node", pod.Spec?.NodeName + (status.HostIP is { } host ? "/" + host : ""));
        description.Field(0, "Start Time", Time(status.StartTime));
        description.Field(0, "Labels", Pairs(metadata.Labels, "="));
        description.Field(0, "Annotations", Pairs(metadata.Annotations, ": "));
        description.Field(0, "Status", metadata.DeletionTimestamp is { } deleted ? $"Terminating (since {Time(deleted)})" : status.Phase);
        if (!string.IsNullOrEmpty(status.Reason)) description.Field(0, "Reason", status.Reason);
        if (!string.IsNullOrEmpty(status.Message)) description.Field(0, "Message", status.Message);
        description.Field(0, "IP", status.PodIP);
        Containers(description, "Init Containers", pod.Spec?.InitContainers, status.InitContainerStatuses);
        Containers(description, "Containers", pod.Spec?.Containers, status.ContainerStatuses);
        Conditions(description, (status.Conditions ?? []).Select(condition => new[] { condition.Type, condition.Status, condition.Reason ?? "", condition.Message ?? "" }),
            ["Type", "Status", "Reason", "Message"]);
        Volumes(description, pod.Spec?.Volumes);
        description.Field(0, "QoS Class", status.QosClass);
        description.Field(0, "Restart Policy", pod.Spec?.RestartPolicy);
    }

    public static void Conditions(Description description, IEnumerable<string[]> rows, string[] headers)
    {
        string[][] all = [.. rows];
        if (all.Length == 0)
        {
            description.Field(0, "Conditions", "<none>");
            return;
        }
        // Reason and message only when somebody gives one.
        int columns = all.Any(row => row[3].Length > 0) ? 4 : all.Any(row => row[2].Length > 0) ? 3 : 2;
        description.Heading(0, "Conditions");
        description.Row(1, headers[..columns]);
        foreach (string[] row in all) description.Row(1, [.. row[..columns].Select(TablePrinter.Safe)]);
    }

    public static string Pairs(IReadOnlyDictionary<string, string>? pairs, string between) =>
        string.Join('\n', (pairs ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Key + between + pair.Value));

    /// <summary>As kubectl: RFC 1123 with a numeric zone.</summary>
    public static string Time(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture) ?? "<unknown>";

    private static void Containers(Description description, string title, IReadOnlyList<Container>? containers, IReadOnlyList<ContainerStatus>? statuses)
    {
        if (containers is null || containers.Count == 0) return;
        description.Heading(0, title);
        foreach (Container container in containers)
        {
            description.Heading(1, container.Name ?? "");
            ContainerStatus? status = statuses?.FirstOrDefault(status => status.Name == container.Name);
            description.Field(2, "Container ID", status?.ContainerID);
            description.Field(2, "Image", container.Image);
            description.Field(2, "Image ID", status?.ImageID);
            description.Field(2, "Ports", string.Join(", ", (container.Ports ?? []).Select(port => $"{port.Port}/{port.Protocol ?? "TCP"}")));
            if (container.Command is { Count: > 0 }) description.Field(2, "Command", container.Command);
            if (container.Args is { Count: > 0 }) description.Field(2, "Args", container.Args);
            State(description, "State", status?.State ?? new ContainerState());
            if (status?.LastState is { Terminated: not null } last) State(description, "Last State", last);
            description.Field(2, "Ready", status?.Ready == true ? "True" : "False");
            description.Field(2, "Restart Count", (status?.RestartCount ?? 0).ToString(CultureInfo.InvariantCulture));
            Resources(description, container.Resources);
            description.Field(2, "Environment", (container.Env ?? []).Select(variable => $"{variable.Name}: {Value(variable)}")
                .Concat((container.EnvFrom ?? []).Select(source => $"(from {source.ConfigMapRef?.Name ?? source.SecretRef?.Name})")));
            description.Field(2, "Mounts", (container.VolumeMounts ?? []).Select(mount =>
                $"{mount.MountPath} from {mount.Name} ({(mount.ReadOnly == true ? "ro" : "rw")}{(mount.SubPath is { Length: > 0 } path ? $",path=\"{path}\"" : "")})"));
        }
    }

    private static void State(Description description, string name, ContainerState state)
    {
        if (state.Running is { } running)
        {
            description.Field(2, name, "Running");
            description.Field(3, "Started", Time(running.StartedAt));
        }
        else if (state.Terminated is { } terminated)
        {
            description.Field(2, name, "Terminated");
            description.Field(3, "Reason", terminated.Reason);
            if (!string.IsNullOrEmpty(terminated.Message)) description.Field(3, "Message", terminated.Message.TrimEnd());
            description.Field(3, "Exit Code", terminated.ExitCode.ToString(CultureInfo.InvariantCulture));
            if (terminated.Signal is { } signal and not 0) description.Field(3, "Signal", signal.ToString(CultureInfo.InvariantCulture));
            description.Field(3, "Started", Time(terminated.StartedAt));
            description.Field(3, "Finished", Time(terminated.FinishedAt));
        }
        else
        {
            description.Field(2, name, "Waiting");
            if (state.Waiting?.Reason is { Length: > 0 } reason) description.Field(3, "Reason", reason);
            if (state.Waiting?.Message is { Length: > 0 } message) description.Field(3, "Message", message);
        }
    }

    private static void Resources(Description description, ResourceRequirements? resources)
    {
        foreach ((string title, IReadOnlyDictionary<string, Quantity>? quantities) in new[] { ("Limits", resources?.Limits), ("Requests", resources?.Requests) })
        {
            if (quantities is null || quantities.Count == 0) continue;
            description.Heading(2, title);
            foreach ((string name, Quantity quantity) in quantities.OrderBy(pair => pair.Key, StringComparer.Ordinal)) description.Field(3, name, quantity.ToString());
        }
    }

    private static string Value(EnvVar variable) => variable.ValueFrom switch
    {
        { FieldRef: { } field } => $"({field.FieldPath})",
        { ResourceFieldRef: { } resource } => $"({resource.Resource})",
        { ConfigMapKeyRef: { } map } => $"(key {map.Key} of config map {map.Name})",
        { SecretKeyRef: { } secret } => $"(key {secret.Key} of secret {secret.Name})",
        _ => variable.Value ?? "",
    };

    private static void Volumes(Description description, IReadOnlyList<Volume>? volumes)
    {
        if (volumes is null || volumes.Count == 0)
        {
            description.Field(0, "Volumes", "<none>");
            return;
        }
        description.Heading(0, "Volumes");
        foreach (Volume volume in volumes)
        {
            description.Heading(1, volume.Name ?? "");
            switch (volume)
            {
                case { EmptyDir: { } empty }:
                    description.Field(2, "Type", "EmptyDir (lives as long as the pod)");
                    description.Field(2, "Medium", empty.Medium);
                    description.Field(2, "SizeLimit", empty.SizeLimit?.ToString() ?? "<unset>");
                    break;
                case { HostPath: { } host }:
                    description.Field(2, "Type", "HostPath (of the node)");
                    description.Field(2, "Path", host.Path);
                    description.Field(2, "HostPathType", host.Type);
                    break;
                case { ConfigMap: { } map }:
                    description.Field(2, "Type", "ConfigMap");
                    description.Field(2, "Name", map.Name);
                    break;
                case { Secret: { } secret }:
                    description.Field(2, "Type", "Secret");
                    description.Field(2, "SecretName", secret.SecretName);
                    break;
                case { Projected: not null }:
                    description.Field(2, "Type", "Projected");
                    break;
                case { DownwardAPI: not null }:
                    description.Field(2, "Type", "DownwardAPI");
                    break;
                default:
                    description.Field(2, "Type", "<unknown>");
                    break;
            }
        }
    }
}
