using System.Net;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Admission;

/// <summary>A port of the host that a container takes for itself.</summary>
/// <param name="Address">As the manifest writes it; <see cref="AnyAddress"/> when it gives none.</param>
/// <param name="Protocol">One of <see cref="Model.Protocol"/>.</param>
public readonly record struct HostPort(string Address, string Protocol, int Port)
{
    public const string AnyAddress = "0.0.0.0";

    /// <summary>Of the main containers and sidecars: an ordinary init container's port is free again before anything else needs it.</summary>
    public static IReadOnlyList<HostPort> Of(Pod pod)
    {
        IEnumerable<Container> containers = (pod.Spec?.InitContainers ?? []).Where(Resources.PodResources.IsSidecar).Concat(pod.Spec?.Containers ?? []);
        return
        [
            .. from container in containers
               from port in container.Ports ?? []
               where port.HostPort is > 0
               select new HostPort(string.IsNullOrEmpty(port.HostIP) ? AnyAddress : port.HostIP, port.Protocol ?? Model.Protocol.Tcp, port.HostPort!.Value),
        ];
    }

    /// <summary>Two cannot be had at once: the same port and protocol, on one address or on all.</summary>
    public bool ConflictsWith(HostPort other) =>
        Port == other.Port && Protocol == other.Protocol && (Address == other.Address || IsAny(Address) || IsAny(other.Address));

    private static bool IsAny(string address) => IPAddress.TryParse(address, out IPAddress? parsed) && (parsed.Equals(IPAddress.Any) || parsed.Equals(IPAddress.IPv6Any));
}
