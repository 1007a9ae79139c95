using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// The fields of <see cref="FieldSupportTable"/> that are honoured only beside a certain other field. When a condition falls away, its
/// lines here and its <see cref="FieldSupport.Condition"/> go together.
/// </summary>
internal static class ConditionalSupport
{
    public static void Check(PodSpec spec, ValidationScope at)
    {
        if (spec.HostNetwork != true)
        {
            HostPorts(spec.InitContainers, at["initContainers"]);
            HostPorts(spec.Containers, at["containers"]);
        }
        Resources(spec.InitContainers, at["initContainers"]);
        Resources(spec.Containers, at["containers"]);
    }

    /// <summary>Only these are enforced, disk by eviction; a limit on anything else would be a promise that nobody keeps.</summary>
    private static void Resources(IReadOnlyList<Container>? containers, ValidationScope at)
    {
        for (int c = 0; c < (containers?.Count ?? 0); c++)
        {
            Resources(containers![c].Resources?.Limits, at[c]["resources"]["limits"]);
            Resources(containers[c].Resources?.Requests, at[c]["resources"]["requests"]);
        }
    }

    private static void Resources(IReadOnlyDictionary<string, Quantity>? quantities, ValidationScope at)
    {
        foreach (string name in quantities?.Keys ?? [])
        {
            if (name is not (ResourceName.Cpu or ResourceName.Memory or ResourceName.EphemeralStorage) && !HugePageSize.IsResource(name))
                at.Key(name).Error(ManifestReason.NotYet, "is not supported yet: cpu, memory, ephemeral-storage and huge pages are the resources that are enforced", "remove it");
        }
    }

    private static void HostPorts(IReadOnlyList<Container>? containers, ValidationScope at)
    {
        for (int c = 0; c < (containers?.Count ?? 0); c++)
        {
            for (int p = 0; p < (containers![c].Ports?.Count ?? 0); p++)
            {
                ContainerPort port = containers[c].Ports![p];
                ValidationScope scope = at[c]["ports"][p];
                if (port.HostPort is not (null or 0)) Refuse(scope["hostPort"], "use hostNetwork, or reach the pod at its own address");
                if (!string.IsNullOrEmpty(port.HostIP)) Refuse(scope["hostIP"], "remove it together with hostPort");
            }
        }
    }

    private static void Refuse(ValidationScope at, string remedy) =>
        at.Error(ManifestReason.NotYet, "is not supported yet: ports of the host are not forwarded", remedy);
}
