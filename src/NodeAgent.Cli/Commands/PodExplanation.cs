using System.Globalization;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.PodFiles;
using NodeAgent.Core.Resources;

namespace NodeAgent.Cli.Commands;

/// <summary>The pod after defaulting, the cgroup values computed from it, and the planner's first plan for it on a node that has nothing of it yet.</summary>
internal static class PodExplanation
{
    public static void Write(Description description, Pod pod, string nodeName, string file, DateTimeOffset now)
    {
        PodSpec spec = pod.Spec!;
        var uid = new PodUid(PodIdentity.Uid(nodeName, file, pod));
        description.Field(0, "Pod", PodName.Of(pod).ToString());
        description.Field(0, "File", file);
        description.Field(0, "UID", $"{uid} (on node {nodeName}; a change of the manifest gives another and replaces the pod; cpu and memory alone are changed in place)");
        description.Field(0, "QoS Class", QosClass.Of(pod));
        description.Field(0, "Restart Policy", spec.RestartPolicy);
        description.Field(0, "Grace", $"{GraceSeconds(pod)}s from the stop signal to SIGKILL");
        Sandbox(description, pod);
        Volumes(description, spec.Volumes);
        foreach (Container container in spec.InitContainers ?? []) Container(description, PodResources.IsSidecar(container) ? "Sidecar" : "Init Container", pod, container);
        foreach (Container container in spec.Containers ?? []) Container(description, "Container", pod, container);
        Steps(description, pod, uid, file, now);
    }

    private static string GraceSeconds(Pod pod) => ((long)PodDeletion.GraceOf(pod).TotalSeconds).ToString(CultureInfo.InvariantCulture);

    private static void Sandbox(Description description, Pod pod)
    {
        PodSpec spec = pod.Spec!;
        description.Heading(0, "Sandbox");
        description.Field(1, "Hostname", spec.HostNetwork == true ? "the node's" : PodHostname.TryFor(pod, "cluster.local", out PodHostname? hostname, out string? problem) ? hostname.Name : problem);
        description.Field(1, "Network", spec.HostNetwork == true ? "the node's" : "a namespace of its own, shared by the pod's containers");
        description.Field(1, "IPC", spec.HostIPC == true ? "the node's" : "a namespace of its own, shared by the pod's containers");
        description.Field(1, "UTS", spec.HostNetwork == true ? "the node's" : "a namespace of its own, shared by the pod's containers");
        description.Field(1, "PID", spec.HostPID == true ? "the node's" : spec.ShareProcessNamespace == true ? "one namespace shared by the pod's containers" : "a namespace per container");
        description.Field(1, "Cgroup", Writes(CgroupValues.ForPod(pod, new CgroupSettings())));
    }

    private static void Volumes(Description description, IReadOnlyList<Volume>? volumes)
    {
        if (volumes is null || volumes.Count == 0) return;
        description.Heading(0, "Volumes");
        foreach (Volume volume in volumes)
        {
            description.Field(1, volume.Name ?? "", volume switch
            {
                { EmptyDir: { } empty } => $"emptyDir{(empty.Medium is { Length: > 0 } medium ? $" in {medium.ToLowerInvariant()}" : "")}{(empty.SizeLimit is { } limit ? $", at most {limit}" : "")}, made with the pod and removed with it",
                { HostPath: { } host } => $"{host.Path} of the node{(host.Type is { Length: > 0 } type ? $" ({type})" : "")}",
                { ConfigMap: { } map } => $"config map {map.Name}",
                { Secret: { } secret } => $"secret {secret.SecretName}",
                { DownwardAPI: not null } => "files of the downward API",
                { Projected: not null } => "projected files",
                _ => "of a kind that this version of podctl does not know",
            });
        }
    }

    private static void Container(Description description, string title, Pod pod, Container container)
    {
        PodSpec spec = pod.Spec!;
        description.Heading(0, $"{title} {container.Name}");
        description.Field(1, "Image", $"{container.Image} (pulled {container.ImagePullPolicy})");
        description.Field(1, "Runs", string.Join(' ', (container.Command ?? ["<the image's entrypoint>"]).Concat(container.Args ?? (container.Command is null ? ["<the image's command>"] : [])).Select(Word)));
        description.Field(1, "User", User(spec, container));
        description.Field(1, "Rights", Rights(container.SecurityContext));
        description.Field(1, "Cgroup", Writes(CgroupValues.ForContainer(pod, container.Resources, new CgroupSettings())));
        description.Field(1, "Environment", (container.Env ?? []).Select(variable => variable.Name ?? ""));
        description.Field(1, "Mounts", (container.VolumeMounts ?? []).Select(mount => $"{mount.MountPath} from {mount.Name} ({(mount.ReadOnly == true ? "read-only" : "read-write")})"));
        description.Field(1, "Ports", (container.Ports ?? []).Select(port => $"{port.Port}/{port.Protocol}{(port.HostPort is { } hostPort and not 0 ? $" as the node's {hostPort}" : "")}"));
    }

    private static void Steps(Description description, Pod pod, PodUid uid, string file, DateTimeOffset now)
    {
        PodPlan plan = PodPlanner.Plan(new PodDesire(uid, pod, file, now), null, PlannerMemory.Empty, ProbeResults.None, now, PlannerSettings.Default);
        description.Heading(0, "First plan");
        int number = 0;
        foreach (PodAction action in plan.Actions)
        {
            description.Row(1, string.Create(CultureInfo.InvariantCulture, $"{++number}."), action switch
            {
                CreateSandbox create => $"make the sandbox ({create.Reason})",
                StartContainer start => $"bring in {start.Container.Image}, then start {start.Name} ({start.Reason})",
                _ => action.ToString() ?? "",
            });
        }
        foreach (ContainerWait wait in plan.Waits) description.Row(1, "-", $"{wait.Container} waits: {wait.Reason}{(wait.Message is { Length: > 0 } why ? $": {why}" : "")}");
    }

    private static string Writes(CgroupValues values)
    {
        string text = string.Join(", ", values.Writes().Select(write => $"{write.File} = {write.Value}"));
        return text.Length > 0 ? text : "no limits";
    }

    private static string User(PodSpec spec, Container container)
    {
        long? user = container.SecurityContext?.RunAsUser ?? spec.SecurityContext?.RunAsUser;
        long? group = container.SecurityContext?.RunAsGroup ?? spec.SecurityContext?.RunAsGroup;
        bool nonRoot = (container.SecurityContext?.RunAsNonRoot ?? spec.SecurityContext?.RunAsNonRoot) == true;
        return (user?.ToString(CultureInfo.InvariantCulture) ?? "the image's") + (group is { } id ? $", group {id}" : "") + (nonRoot ? ", refused if that is root" : "");
    }

    private static string Rights(SecurityContext? context)
    {
        if (context?.Privileged == true) return "privileged: all capabilities, all devices, no filter of system calls";
        var parts = new List<string> { "default capabilities" };
        if (context?.Capabilities?.Add is { Count: > 0 } add) parts.Add("added " + string.Join(' ', add));
        if (context?.Capabilities?.Drop is { Count: > 0 } drop) parts.Add("dropped " + string.Join(' ', drop));
        if (context?.AllowPrivilegeEscalation == false) parts.Add("no new privileges");
        if (context?.ReadOnlyRootFilesystem == true) parts.Add("read-only root");
        return string.Join(", ", parts);
    }

    private static string Word(string word) => word.Length > 0 && !word.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\') ? word : "\"" + word.Replace("\n", "\\n", StringComparison.Ordinal) + "\"";
}
