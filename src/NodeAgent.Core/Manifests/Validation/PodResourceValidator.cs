using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>Resources of the pod as a whole: only some can be given, and the containers have to fit into them.</summary>
internal static class PodResourceValidator
{
    public static void Validate(PodSpec spec, ValidationScope at)
    {
        if (spec.Resources is not { } whole) return;
        Names(whole.Limits, at["limits"]);
        Names(whole.Requests, at["requests"]);
        Pod containers = new() { Spec = spec with { Resources = null, Overhead = null } };
        foreach ((string name, Quantity request) in whole.Requests ?? new Dictionary<string, Quantity>())
        {
            long together = PodResources.Request(containers, name);
            long given = name == ResourceName.Cpu ? request.MilliValue : request.Value;
            if (given < together)
                at["requests"].Key(name).Invalid($"is {request}, less than the containers request together", "raise it, or lower the requests of the containers");
        }
        foreach ((string name, Quantity limit) in whole.Limits ?? new Dictionary<string, Quantity>())
        {
            foreach (Container container in PodResources.All(containers))
            {
                if (container.Resources?.Limits?.TryGetValue(name, out Quantity own) == true && own > limit)
                    at["limits"].Key(name).Invalid($"is {limit}, less than the limit of {own} of container {container.Name}", "raise it, or lower the limit of the container");
            }
        }
    }

    private static void Names(IReadOnlyDictionary<string, Quantity>? quantities, ValidationScope at)
    {
        foreach (string name in quantities?.Keys ?? [])
        {
            if (name is not (ResourceName.Cpu or ResourceName.Memory) && !HugePageSize.IsResource(name))
                at.Key(name).Error(ManifestReason.UnsupportedValue, $"{ManifestText.Quote(name)} cannot be given for a pod as a whole", "use cpu, memory or hugepages-<size>");
        }
    }
}
