using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Core;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Doctor;

/// <summary>Whether the agent serves, what it complains of, and whether anything is left that it does not know.</summary>
internal static class AgentChecks
{
    public static IReadOnlyList<Finding> Run(AgentClient client, StatePaths paths)
    {
        var findings = new List<Finding>();
        try
        {
            using HttpExchange ready = client.Send("GET", "/readyz", "the agent", "*/*");
            findings.Add(Finding.Ok("agent", "ready"));
            Driver(client, findings);
            Pods(client, paths, findings);
            Manifests(client, findings);
        }
        catch (PodctlException error)
        {
            findings.Add(new Finding(FindingLevel.Error, "agent", error.Message, "look at journalctl -u podagent"));
            string[] records = Names(paths.PodRecords);
            if (records.Length > 0)
                findings.Add(new Finding(FindingLevel.Warning, "pods", $"{records.Length} pods run, or have run, without an agent to look after them", "an agent that starts takes them over"));
        }
        return findings;
    }

    private static void Driver(AgentClient client, List<Finding> findings)
    {
        JsonElement json = client.Get(ResourceKind.Nodes.Path(null), "the node");
        Node? node = json.Deserialize(KubernetesJson.Wire.NodeList)!.Items.FirstOrDefault();
        string driver = node?.Metadata?.Annotations?.GetValueOrDefault(NodeAnnotation.CgroupDriver) ?? "";
        bool booted = Directory.Exists("/run/systemd/system");
        findings.Add((driver, booted) switch
        {
            ("systemd", _) => Finding.Ok("cgroup driver", "systemd: a scope per pod, which systemd-cgls and systemctl show"),
            ("cgroupfs", true) => new Finding(
                FindingLevel.Warning, "cgroup driver", "cgroupfs although systemd runs the machine: it knows nothing of the pods", "set cgroupDriver: auto, and see journalctl -u podagent"),
            ("cgroupfs", false) => Finding.Ok("cgroup driver", "cgroupfs, since systemd does not run the machine"),
            _ => new Finding(FindingLevel.Warning, "cgroup driver", "the agent does not tell", "podagent and podctl should be of one version"),
        });
    }

    private static void Pods(AgentClient client, StatePaths paths, List<Finding> findings)
    {
        JsonElement json = client.Get(ResourceKind.Pods.Path(null), "pods");
        IReadOnlyList<Pod> pods = json.Deserialize(KubernetesJson.Wire.PodList)!.Items;
        var known = pods.Select(pod => pod.Metadata!.Uid!).ToHashSet(StringComparer.Ordinal);
        string[] unready = [.. pods.Where(pod => PodStatusColumn.Status(pod) is not ("Running" or "Completed" or "Succeeded" or "ContainerCreating" or "Terminating"))
            .Select(pod => $"{pod.Metadata!.Namespace}/{pod.Metadata.Name} ({PodStatusColumn.Status(pod)})")];
        findings.Add(unready.Length == 0
            ? Finding.Ok("pods", $"{pods.Count}")
            : new Finding(FindingLevel.Warning, "pods", $"{unready.Length} of {pods.Count} are in trouble: {string.Join(", ", unready)}", "look at podctl describe pod and podctl logs"));
        foreach (Pod pod in pods)
        {
            PodCondition? enforced = pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == PodConditionType.ResourcesEnforced);
            if (enforced?.Status == ConditionStatus.False)
                findings.Add(new Finding(FindingLevel.Warning, "limits", $"of pod {pod.Metadata!.Namespace}/{pod.Metadata.Name} are not enforced: {enforced.Message}", "see cgroup above"));
        }
        string[] records = [.. Names(paths.PodRecords).Where(name => !known.Contains(name))];
        string[] volumes = [.. Names(paths.Volumes).Where(name => !known.Contains(name))];
        findings.Add(records.Length + volumes.Length == 0
            ? Finding.Ok("leftovers", "none")
            : new Finding(FindingLevel.Warning, "leftovers", $"records or volumes of pods that the agent does not show: {string.Join(", ", records.Union(volumes, StringComparer.Ordinal))}",
                "if they stay, look for their uid in journalctl -u podagent"));
    }

    private static void Manifests(AgentClient client, List<Finding> findings)
    {
        JsonElement json = client.Get(ResourceKind.ManifestErrors.Path(null), "manifests");
        bool any = false;
        foreach (JsonElement faulty in json.GetProperty("items").EnumerateArray())
        {
            any = true;
            string file = faulty.GetProperty("file").GetString()!;
            findings.Add(new Finding(FindingLevel.Warning, "manifests", $"{file} is not in effect: {faulty.GetProperty("faults").GetArrayLength()} faults", $"podctl validate {file}"));
        }
        if (!any) findings.Add(Finding.Ok("manifests", "all in effect"));
    }

    private static string[] Names(string folder)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
