using NodeAgent.Core.Model;

namespace NodeAgent.Core;

/// <summary>
/// Where everything lives. A constructor argument of whoever touches files, so that several agents (and tests) run side by side.
/// Only names are computed here; nothing is opened.
/// </summary>
/// <param name="Root">Survives a reboot: content store, snapshots, pod volumes. Default <c>/var/lib/podagent</c>.</param>
/// <param name="Run">Gone at a reboot on purpose: sockets and pod records. Default <c>/run/podagent</c>.</param>
/// <param name="Logs">Container logs. Default <c>/var/log/pods</c>.</param>
/// <param name="Manifests">The folder users drop manifests into. Default <c>/etc/podagent</c>.</param>
/// <param name="Cgroup">The agent's own root in the cgroup v2 tree, a folder that it may create and delete.</param>
/// <param name="Proc">Default <c>/proc</c>.</param>
public sealed record StatePaths(string Root, string Run, string Logs, string Manifests, string Cgroup, string Proc = "/proc")
{
    public string Content => Root + "/content";
    public string Snapshots => Root + "/snapshots";
    public string Volumes => Root + "/pods";
    public string PodRecords => Run + "/pods";
    public string ApiSocket => Run + "/podagent.sock";

    /// <summary>What outlives the agent of each pod: a file a pod.</summary>
    public string KeptPods => Run + "/statuses";

    /// <summary>One word: whether pods may run, while not all may.</summary>
    public string Scheduling => Run + "/scheduling";

    /// <summary>The folder of one pod's records: <c>{run}/pods/{uid}</c>.</summary>
    public string PodRecord(string uid) => PodRecords + "/" + uid;

    /// <summary>The folder of one pod's volumes: <c>{root}/pods/{uid}</c>.</summary>
    public string PodVolumes(string uid) => Volumes + "/" + uid;

    /// <summary>The folder of one pod's logs: <c>{logs}/{namespace}_{name}_{uid}</c>.</summary>
    public string PodLogs(string @namespace, string name, string uid) => $"{Logs}/{@namespace}_{name}_{uid}";

    /// <summary>The same, of a pod at hand.</summary>
    public string PodLogs(Pod pod, string uid) => PodLogs(pod.Metadata?.Namespace ?? "default", pod.Metadata?.Name ?? "", uid);
}
