using System.Diagnostics.CodeAnalysis;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.PodFiles;

/// <summary>
/// What a pod calls itself. Source: the kubelet's <c>GeneratePodHostNameAndDomain</c>.
/// </summary>
/// <param name="Name">What gethostname(2) answers.</param>
/// <param name="Domain">What follows the first label in the pod's fully qualified name; empty without a subdomain.</param>
public sealed record PodHostname(string Name, string Domain)
{
    /// <summary>A DNS label; a longer pod name is cut.</summary>
    public const int MaxLabel = 63;

    /// <summary>The kernel's limit of a node name, see uts_namespaces(7).</summary>
    public const int MaxKernel = 64;

    /// <summary><c>name.domain</c>, or the name alone.</summary>
    public string Fqdn => Domain.Length == 0 || Name.EndsWith("." + Domain, StringComparison.Ordinal) ? Name : Name + "." + Domain;

    /// <summary>The first label, which /etc/hosts lists beside the full name.</summary>
    public string Short => Name.EndsWith("." + Domain, StringComparison.Ordinal) ? Name[..^(Domain.Length + 1)] : Name;

    /// <param name="clusterDomain">E.g. <c>cluster.local</c>: subdomains live under <c>{subdomain}.{namespace}.svc.{clusterDomain}</c>.</param>
    public static bool TryFor(Pod pod, string clusterDomain, [NotNullWhen(true)] out PodHostname? hostname, [NotNullWhen(false)] out string? problem)
    {
        hostname = null;
        problem = null;
        if (pod.Spec?.HostnameOverride is { Length: > 0 } forced)
        {
            hostname = new PodHostname(forced, "");
            return true;
        }
        string name = pod.Spec?.Hostname is { Length: > 0 } asked ? asked : Cut(pod.Metadata?.Name ?? "");
        string domain = pod.Spec?.Subdomain is { Length: > 0 } subdomain
            ? $"{subdomain}.{pod.Metadata?.Namespace ?? "default"}.svc.{clusterDomain}"
            : "";
        if (pod.Spec?.SetHostnameAsFQDN == true && domain.Length > 0)
        {
            name = $"{name}.{domain}";
            if (name.Length > MaxKernel)
            {
                problem = $"setHostnameAsFQDN: {name} has {name.Length} characters, at most {MaxKernel} are possible";
                return false;
            }
        }
        hostname = new PodHostname(name, domain);
        return true;
    }

    private static string Cut(string name) => name.Length <= MaxLabel ? name : name[..MaxLabel].TrimEnd('-', '.');
}
