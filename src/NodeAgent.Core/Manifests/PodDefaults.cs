using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// Fills in what the API server would (pkg/apis/core/v1/defaults.go of Kubernetes 1.36). Pure and idempotent. A number that is 0 where
/// 0 has no meaning counts as absent, as it does there.
/// </summary>
public static class PodDefaults
{
    internal const int FileMode = 0x1A4; // 0644

    public static Pod Apply(Pod pod)
    {
        PodSpec spec = pod.Spec ?? new PodSpec();
        ObjectMeta metadata = pod.Metadata ?? new ObjectMeta();
        bool hostNetwork = spec.HostNetwork == true;
        string? serviceAccount = NullIfEmpty(spec.ServiceAccountName) ?? NullIfEmpty(spec.ServiceAccount);
        return pod with
        {
            Metadata = metadata with { Namespace = NullIfEmpty(metadata.Namespace) ?? "default" },
            Spec = spec with
            {
                RestartPolicy = NullIfEmpty(spec.RestartPolicy) ?? RestartPolicy.Always,
                DnsPolicy = NullIfEmpty(spec.DnsPolicy) ?? DnsPolicy.ClusterFirst,
                TerminationGracePeriodSeconds = spec.TerminationGracePeriodSeconds ?? 30,
                SchedulerName = NullIfEmpty(spec.SchedulerName) ?? "default-scheduler",
                EnableServiceLinks = spec.EnableServiceLinks ?? true,
                SecurityContext = spec.SecurityContext ?? new PodSecurityContext(),
                ServiceAccountName = serviceAccount,
                ServiceAccount = serviceAccount,
                Resources = spec.Resources is null ? null : RequestsFromLimits(RequestsFromContainers(spec.Resources, spec)),
                Containers = Each(spec.Containers, c => Of(c, hostNetwork)),
                InitContainers = Each(spec.InitContainers, c => Of(c, hostNetwork)),
                EphemeralContainers = Each(spec.EphemeralContainers, c => Of(c, false)),
                Volumes = Each(spec.Volumes, VolumeDefaults.Of),
            },
        };
    }

    /// <summary><c>Always</c> when the image's tag is latest or absent, <c>IfNotPresent</c> for another tag or a digest.</summary>
    public static string PullPolicyFor(string? image)
    {
        if (string.IsNullOrEmpty(image)) return PullPolicy.IfNotPresent;
        bool hasDigest = image.Contains('@', StringComparison.Ordinal);
        string name = image.Split('@', 2)[0];
        int colon = name.LastIndexOf(':');
        string? tag = colon > name.LastIndexOf('/') ? name[(colon + 1)..] : null;
        return tag == "latest" || (tag is null && !hasDigest) ? PullPolicy.Always : PullPolicy.IfNotPresent;
    }

    private static T Of<T>(T container, bool hostNetwork)
        where T : Container => (T)(container with
        {
            ImagePullPolicy = NullIfEmpty(container.ImagePullPolicy) ?? PullPolicyFor(container.Image),
            TerminationMessagePath = NullIfEmpty(container.TerminationMessagePath) ?? "/dev/termination-log",
            TerminationMessagePolicy = NullIfEmpty(container.TerminationMessagePolicy) ?? TerminationMessagePolicy.File,
            Resources = container.Resources is null ? null : RequestsFromLimits(container.Resources),
            Ports = Each(container.Ports, p => p with
            {
                Protocol = NullIfEmpty(p.Protocol) ?? Protocol.Tcp,
                HostPort = hostNetwork && (p.HostPort ?? 0) == 0 ? p.Port : p.HostPort,
            }),
            Env = Each(container.Env, e => e.ValueFrom?.FieldRef is null
                ? e
                : e with { ValueFrom = e.ValueFrom with { FieldRef = Of(e.ValueFrom.FieldRef) } }),
            LivenessProbe = Of(container.LivenessProbe),
            ReadinessProbe = Of(container.ReadinessProbe),
            StartupProbe = Of(container.StartupProbe),
            Lifecycle = container.Lifecycle is not { } lifecycle ? null : lifecycle with
            {
                PostStart = Of(lifecycle.PostStart),
                PreStop = Of(lifecycle.PreStop),
            },
        });

    internal static ObjectFieldSelector Of(ObjectFieldSelector field) => field with { ApiVersion = NullIfEmpty(field.ApiVersion) ?? "v1" };

    private static ResourceRequirements RequestsFromLimits(ResourceRequirements resources)
    {
        if (resources.Limits is not { Count: > 0 } limits) return resources;
        var requests = new SortedDictionary<string, Quantity>(StringComparer.Ordinal);
        foreach ((string name, Quantity quantity) in resources.Requests ?? new Dictionary<string, Quantity>()) requests[name] = quantity;
        foreach ((string name, Quantity quantity) in limits) requests.TryAdd(name, quantity);
        return resources with { Requests = requests };
    }

    /// <summary>Where the pod as a whole has a limit and no request, what its containers request counts before the limit does.</summary>
    private static ResourceRequirements RequestsFromContainers(ResourceRequirements whole, PodSpec spec)
    {
        if (whole.Limits is not { Count: > 0 } limits) return whole;
        var pod = new Pod { Spec = spec with { Resources = null, Overhead = null } };
        var requests = new SortedDictionary<string, Quantity>(StringComparer.Ordinal);
        foreach ((string name, Quantity quantity) in whole.Requests ?? new Dictionary<string, Quantity>()) requests[name] = quantity;
        foreach (string name in new[] { ResourceName.Cpu, ResourceName.Memory }.Union(limits.Keys, StringComparer.Ordinal))
        {
            if (PodResources.Request(pod, name) is > 0 and var together) requests.TryAdd(name, name == ResourceName.Cpu ? Quantity.FromMilli(together) : Quantity.FromBytes(together));
        }
        return whole with { Requests = requests.Count == 0 ? whole.Requests : requests };
    }

    private static Probe? Of(Probe? probe) => probe is null ? null : probe with
    {
        TimeoutSeconds = NullIfZero(probe.TimeoutSeconds) ?? 1,
        PeriodSeconds = NullIfZero(probe.PeriodSeconds) ?? 10,
        SuccessThreshold = NullIfZero(probe.SuccessThreshold) ?? 1,
        FailureThreshold = NullIfZero(probe.FailureThreshold) ?? 3,
        HttpGet = Of(probe.HttpGet),
        Grpc = probe.Grpc is null ? null : probe.Grpc with { Service = probe.Grpc.Service ?? "" },
    };

    private static LifecycleHandler? Of(LifecycleHandler? handler) => handler is null ? null : handler with { HttpGet = Of(handler.HttpGet) };

    private static HttpGetAction? Of(HttpGetAction? action) => action is null ? null : action with
    {
        Path = NullIfEmpty(action.Path) ?? "/",
        Scheme = NullIfEmpty(action.Scheme) ?? UriScheme.Http,
    };

    internal static IReadOnlyList<T>? Each<T>(IReadOnlyList<T>? items, Func<T, T> change) =>
        items is null ? null : [.. items.Select(change)];

    internal static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static int? NullIfZero(int? number) => number == 0 ? null : number;
}
