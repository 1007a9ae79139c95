using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>
/// What of a pod can change while it runs: requests and limits of cpu and memory, of its main containers, of its sidecars, and of the pod as a whole. Everything
/// else of a specification makes another pod, the resources of ordinary init containers and of debugging containers included.
/// <para>
/// A value may be changed, added and taken away. Kubernetes does not let it be taken away, because its runtimes cannot tell no value from an unchanged one; here the
/// manifest is what the pod shall be, and nothing stands in the way. What it does not allow either is a change of the quality-of-service class: that
/// makes another pod here.
/// </para>
/// </summary>
public static class ResizableResources
{
    private static readonly string[] Names = [ResourceName.Cpu, ResourceName.Memory];

    public static bool IsResizable(Container container, bool isInit) => !isInit || PodResources.IsSidecar(container);

    /// <summary>The pod without them, for its identity.</summary>
    public static Pod Without(Pod pod) => pod.Spec is null ? pod : Map(
        pod, Without(pod.Spec.Resources), (container, resizable) => resizable ? Without(container.Resources) : container.Resources);

    /// <summary>Whether two versions of a pod have the same of them. A request that is not given is the limit, and zero is none.</summary>
    public static bool Same(Pod a, Pod b) => Same(a, b, Same);

    /// <summary>Whether two versions of a pod bound it in the same way, whatever they request.</summary>
    public static bool SameLimits(Pod a, Pod b) =>
        Same(a, b, (one, other) => Names.All(name => PodResources.Limit(one, name) == PodResources.Limit(other, name)));

    public static bool Same(ResourceRequirements? a, ResourceRequirements? b) => Changed(a, b).Count == 0;

    /// <summary>The names of the resources that differ.</summary>
    public static IReadOnlyList<string> Changed(ResourceRequirements? a, ResourceRequirements? b) =>
    [
        .. Names.Where(name => PodResources.Limit(a, name) != PodResources.Limit(b, name)
            || (PodResources.Request(a, name) ?? 0) != (PodResources.Request(b, name) ?? 0)),
    ];

    /// <summary>
    /// A version of the pod that bounds nothing closer than either of two: per value the larger, and no limit where one of them has none. A pod that grows in one
    /// resource and shrinks in another goes by this one, so that its own bound is never the narrower one while its containers change.
    /// </summary>
    /// <returns><paramref name="after"/> itself when there is no such version of the same quality-of-service class.</returns>
    public static Pod Wider(Pod before, Pod after)
    {
        if (after.Spec is null || before.Spec is null) return after;
        bool guaranteed = QosClass.Of(after) == PodQosClass.Guaranteed;
        Dictionary<string, ResourceRequirements?> olds = Resizable(before).ToDictionary(c => c.Name ?? "", c => c.Resources, StringComparer.Ordinal);
        ResourceRequirements? whole = PodResources.HasWhole(before) || PodResources.HasWhole(after)
            ? Wider(after.Spec.Resources, name => Limits(before, after, name), guaranteed)
            : after.Spec.Resources;
        Pod wider = Map(after, whole, (container, resizable) =>
        {
            ResourceRequirements? old = olds.GetValueOrDefault(container.Name ?? "");
            return resizable
                ? Wider(container.Resources, name => Larger(Written(old?.Limits, name), Written(container.Resources?.Limits, name)), guaranteed)
                : container.Resources;
        });
        return QosClass.Of(wider) == QosClass.Of(after) ? wider : after;
    }

    private static bool Same(Pod a, Pod b, Func<ResourceRequirements?, ResourceRequirements?, bool> same)
    {
        if (!same(a.Spec?.Resources, b.Spec?.Resources)) return false;
        Dictionary<string, ResourceRequirements?> others = Resizable(b).ToDictionary(c => c.Name ?? "", c => c.Resources, StringComparer.Ordinal);
        return Resizable(a).All(c => same(c.Resources, others.GetValueOrDefault(c.Name ?? "")));
    }

    private static ResourceRequirements? Wider(ResourceRequirements? after, Func<string, Quantity?> limitOf, bool guaranteed)
    {
        Dictionary<string, Quantity> limits = Copy(after?.Limits), requests = Copy(after?.Requests);
        foreach (string name in Names)
        {
            limits.Remove(name);
            if (limitOf(name) is not { } limit) continue;
            limits[name] = limit;
            if (guaranteed) requests[name] = limit;
            else requests.TryAdd(name, Written(after?.Limits, name) ?? limit);
        }
        return (after ?? new ResourceRequirements()) with { Limits = OrNull(limits), Requests = OrNull(requests) };
    }

    private static Quantity? Limits(Pod before, Pod after, string name)
    {
        if (PodResources.Limit(Plain(before), name) is not { } old || PodResources.Limit(Plain(after), name) is not { } wanted) return null;
        return name == ResourceName.Cpu ? Quantity.FromMilli(Math.Max(old, wanted)) : Quantity.FromBytes(Math.Max(old, wanted));

        static Pod Plain(Pod pod) => pod with { Spec = pod.Spec! with { Overhead = null } };
    }

    private static Quantity? Larger(Quantity? a, Quantity? b) => a is null || b is null ? null : a > b ? a : b;

    private static Quantity? Written(IReadOnlyDictionary<string, Quantity>? list, string name) =>
        list is not null && list.TryGetValue(name, out Quantity quantity) && !quantity.IsZero ? quantity : null;

    private static ResourceRequirements? Without(ResourceRequirements? resources)
    {
        if (resources is null) return null;
        Dictionary<string, Quantity> limits = Copy(resources.Limits), requests = Copy(resources.Requests);
        foreach (string name in Names)
        {
            limits.Remove(name);
            requests.Remove(name);
        }
        return resources with { Limits = OrNull(limits), Requests = OrNull(requests) };
    }

    private static Pod Map(Pod pod, ResourceRequirements? whole, Func<Container, bool, ResourceRequirements?> change) => pod with
    {
        Spec = pod.Spec! with
        {
            Resources = whole,
            Containers = Each(pod.Spec.Containers, false, change),
            InitContainers = Each(pod.Spec.InitContainers, true, change),
        },
    };

    private static IReadOnlyList<Container>? Each(IReadOnlyList<Container>? containers, bool isInit, Func<Container, bool, ResourceRequirements?> change) =>
        containers is null ? null : [.. containers.Select(c => c with { Resources = change(c, IsResizable(c, isInit)) })];

    private static IEnumerable<Container> Resizable(Pod pod) =>
        (pod.Spec?.InitContainers ?? []).Where(PodResources.IsSidecar).Concat(pod.Spec?.Containers ?? []);

    private static Dictionary<string, Quantity> Copy(IReadOnlyDictionary<string, Quantity>? list) =>
        list is null ? new(StringComparer.Ordinal) : list.ToDictionary(q => q.Key, q => q.Value, StringComparer.Ordinal);

    private static Dictionary<string, Quantity>? OrNull(Dictionary<string, Quantity> list) => list.Count > 0 ? list : null;
}
