using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.PodFiles;

/// <summary>The <c>/etc/hosts</c> of a pod, in the kubelet's form, see hosts(5).</summary>
public static class HostsFile
{
    private const string Loopback = "127.0.0.1";

    /// <param name="podIPs">One line each. A pod that has only loopback gets its name there, so that it can at least resolve itself.</param>
    public static string ForPod(PodHostname hostname, IReadOnlyList<string> podIPs, IReadOnlyList<HostAlias>? aliases)
    {
        var text = new StringBuilder(512);
        text.Append("# Kubernetes-managed hosts file.\n");
        text.Append("127.0.0.1\tlocalhost\n");
        text.Append("::1\tlocalhost ip6-localhost ip6-loopback\n");
        text.Append("fe00::0\tip6-localnet\n");
        text.Append("fe00::0\tip6-mcastprefix\n");
        text.Append("fe00::1\tip6-allnodes\n");
        text.Append("fe00::2\tip6-allrouters\n");
        foreach (string ip in podIPs.Count > 0 ? podIPs : [Loopback])
        {
            text.Append(ip).Append('\t');
            if (hostname.Domain.Length > 0) text.Append(hostname.Fqdn).Append('\t');
            text.Append(hostname.Short).Append('\n');
        }
        AppendAliases(text, aliases);
        return text.ToString();
    }

    /// <summary>A pod in the host's network sees the node's own file, and its aliases after it.</summary>
    public static string ForHostNetwork(string nodeHosts, IReadOnlyList<HostAlias>? aliases)
    {
        var text = new StringBuilder(nodeHosts.Length + 256);
        text.Append("# Kubernetes-managed hosts file (host network).\n").Append(nodeHosts);
        if (text[^1] != '\n') text.Append('\n');
        AppendAliases(text, aliases);
        return text.ToString();
    }

    private static void AppendAliases(StringBuilder text, IReadOnlyList<HostAlias>? aliases)
    {
        if (aliases is not { Count: > 0 }) return;
        text.Append("\n# Entries added by HostAliases.\n");
        foreach (HostAlias alias in aliases)
            text.Append(alias.Ip).Append('\t').AppendJoin('\t', alias.Hostnames ?? []).Append('\n');
    }
}
