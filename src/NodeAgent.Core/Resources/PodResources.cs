using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>
/// What a pod asks for and may use, as one number per resource. A request that is not given is the limit.
/// Source: the scheduler's and the kubelet's shared rule (component-helpers <c>resource.PodRequests</c> and <c>PodLimits</c>):
/// main containers and sidecars run together and are added; an ordinary init container runs alone beside the sidecars started before it,
/// so only the largest of those moments counts; what is set for the pod as a whole wins; overhead is added.
/// </summary>
public static class PodResources
{
    /// <summary>Millicores for <c>cpu</c>, else bytes. 0 when nothing is asked for.</summary>
    public static long Request(Pod pod, string resource) =>
        Add(Request(pod.Spec?.Resources, resource) ?? Sum(pod, resource, Request), Overhead(pod, resource));

    /// <summary>
    /// Millicores for <c>cpu</c>, else bytes. Null when the pod as a whole has no limit: a single container without one makes it so.
    /// </summary>
    public static long? Limit(Pod pod, string resource)
    {
        if (Limit(pod.Spec?.Resources, resource) is { } whole) return Add(whole, Overhead(pod, resource));
        foreach (Container container in All(pod))
        {
            if (Limit(container.Resources, resource) is null) return null;
        }
        long sum = Sum(pod, resource, Limit);
        return sum == 0 ? null : Add(sum, Overhead(pod, resource));
    }

    /// <summary>The request of one container: its own, else its limit; null when it has neither or zero.</summary>
    public static long? Request(ResourceRequirements? resources, string resource) =>
        Amount(resources?.Requests, resource) is { } request ? request : Limit(resources, resource);

    /// <summary>The limit of one container; null for none (zero means none).</summary>
    public static long? Limit(ResourceRequirements? resources, string resource) =>
        Amount(resources?.Limits, resource) is { } limit and > 0 ? limit : null;

    /// <summary>Init containers first, then the main ones.</summary>
    public static IEnumerable<Container> All(Pod pod)
    {
        foreach (Container container in pod.Spec?.InitContainers ?? []) yield return container;
        foreach (Container container in pod.Spec?.Containers ?? []) yield return container;
    }

    public static bool IsSidecar(Container container) => container.RestartPolicy == RestartPolicy.Always;

    internal static bool HasWhole(Pod pod) =>
        pod.Spec?.Resources is { } whole && (whole.Requests is { Count: > 0 } || whole.Limits is { Count: > 0 });

    internal static long? Amount(IReadOnlyDictionary<string, Quantity>? list, string resource) =>
        list is not null && list.TryGetValue(resource, out Quantity quantity)
            ? resource == ResourceName.Cpu ? quantity.MilliValue : quantity.Value
            : null;

    private static long Overhead(Pod pod, string resource) => Amount(pod.Spec?.Overhead, resource) ?? 0;

    /// <summary>Of amounts that are not negative; what does not fit is as much as fits.</summary>
    internal static long Add(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    private static long Sum(Pod pod, string resource, Func<ResourceRequirements?, string, long?> read)
    {
        long together = 0;
        foreach (Container container in pod.Spec?.Containers ?? []) together = Add(together, read(container.Resources, resource) ?? 0);

        long sidecars = 0;
        long peak = 0;
        foreach (Container init in pod.Spec?.InitContainers ?? [])
        {
            long own = read(init.Resources, resource) ?? 0;
            if (IsSidecar(init)) sidecars = Add(sidecars, own);
            peak = Math.Max(peak, IsSidecar(init) ? sidecars : Add(sidecars, own));
        }
        return Math.Max(Add(together, sidecars), peak);
    }
}
