using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>
/// The quality-of-service class of a pod (<see cref="PodQosClass"/>). Guaranteed: every container, init containers included, has cpu and memory
/// limits and asks for exactly as much; BestEffort: nobody asks for any; Burstable: the rest. What is set for the pod as a whole is looked at instead.
/// Source: the kubelet's <c>pkg/apis/core/v1/helper/qos</c>.
/// </summary>
public static class QosClass
{
    private static readonly string[] Counted = [ResourceName.Cpu, ResourceName.Memory];

    public static string Of(Pod pod)
    {
        ResourceRequirements?[] asked = PodResources.HasWhole(pod)
            ? [pod.Spec!.Resources]
            : [.. PodResources.All(pod).Select(container => container.Resources)];

        bool any = false;
        bool guaranteed = true;
        foreach (string resource in Counted)
        {
            long requests = 0;
            long limits = 0;
            foreach (ResourceRequirements? resources in asked)
            {
                long? limit = PodResources.Limit(resources, resource);
                long request = PodResources.Request(resources, resource) ?? 0;
                any |= limit > 0 || request > 0;
                guaranteed &= limit is not null;
                requests = PodResources.Add(requests, request);
                limits = PodResources.Add(limits, limit ?? 0);
            }
            guaranteed &= requests == limits;
        }
        return !any ? PodQosClass.BestEffort : guaranteed ? PodQosClass.Guaranteed : PodQosClass.Burstable;
    }
}
