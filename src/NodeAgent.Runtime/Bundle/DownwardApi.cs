using System.Globalization;
using System.Numerics;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Bundle;

/// <summary>What a container may learn about its pod and node.</summary>
/// <param name="HostIPs">The node's addresses, the main one first; may be empty.</param>
/// <param name="PodIPs">The pod's; on the host's network the node's. May be empty.</param>
public sealed record DownwardFacts(Pod Pod, string NodeName, IReadOnlyList<string> HostIPs, IReadOnlyList<string> PodIPs, NodeAllocatable Allocatable);

/// <summary>What pods may use of this node: stands for a limit that a container does not have.</summary>
/// <param name="MilliCpu">Thousandths of a processor.</param>
/// <param name="MemoryBytes">Bytes.</param>
/// <param name="EphemeralStorageBytes">Bytes.</param>
public sealed record NodeAllocatable(long MilliCpu, long MemoryBytes, long EphemeralStorageBytes);

/// <summary>Values of <c>fieldRef</c> and <c>resourceFieldRef</c> as variables get them. Sources: kubelet <c>fieldpath</c> and <c>resource</c> packages.</summary>
public static class DownwardApi
{
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: a path that variables cannot have.</exception>
    public static string Field(DownwardFacts facts, string fieldPath)
    {
        ObjectMeta? meta = facts.Pod.Metadata;
        if (Subscript(fieldPath, "metadata.labels") is { } label) return meta?.Labels?.GetValueOrDefault(label) ?? "";
        if (Subscript(fieldPath, "metadata.annotations") is { } annotation) return meta?.Annotations?.GetValueOrDefault(annotation) ?? "";
        return fieldPath switch
        {
            "metadata.name" => meta?.Name ?? "",
            "metadata.namespace" => meta?.Namespace ?? "",
            "metadata.uid" => meta?.Uid ?? "",
            "spec.nodeName" => facts.Pod.Spec?.NodeName ?? facts.NodeName,
            "spec.serviceAccountName" => facts.Pod.Spec?.ServiceAccountName ?? "",
            "status.hostIP" => facts.HostIPs.Count > 0 ? facts.HostIPs[0] : "",
            "status.hostIPs" => string.Join(',', facts.HostIPs),
            "status.podIP" => facts.PodIPs.Count > 0 ? facts.PodIPs[0] : "",
            "status.podIPs" => string.Join(',', facts.PodIPs),
            _ => throw Refusal($"unsupported fieldPath: {fieldPath}"),
        };
    }

    /// <summary>
    /// A request or limit divided by the divisor and rounded up: millicores count for cpu, bytes for the rest. A limit that is not set, or 0, is the
    /// node's allocatable; a request that is not set is 0.
    /// </summary>
    /// <param name="container">The one that asks; another of the pod may be named in the selector.</param>
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: no such container or resource.</exception>
    public static string Resource(DownwardFacts facts, Container container, ResourceFieldSelector selector)
    {
        Container subject = container;
        if (!string.IsNullOrEmpty(selector.ContainerName) && selector.ContainerName != container.Name)
        {
            PodSpec? spec = facts.Pod.Spec;
            subject = (spec?.InitContainers ?? []).Concat(spec?.Containers ?? []).FirstOrDefault(other => other.Name == selector.ContainerName)
                ?? throw Refusal($"resourceFieldRef: container {selector.ContainerName} is not in the pod");
        }
        string resource = selector.Resource ?? "";
        bool isLimit = resource.StartsWith("limits.", StringComparison.Ordinal);
        if (!isLimit && !resource.StartsWith("requests.", StringComparison.Ordinal)) throw Refusal($"unsupported container resource: {resource}");

        string name = resource[(resource.IndexOf('.', StringComparison.Ordinal) + 1)..];
        if (name is not (ResourceName.Cpu or ResourceName.Memory or ResourceName.EphemeralStorage) && !name.StartsWith(ResourceName.HugePagesPrefix, StringComparison.Ordinal))
            throw Refusal($"unsupported container resource: {resource}");

        IReadOnlyDictionary<string, Quantity>? list = isLimit ? subject.Resources?.Limits : subject.Resources?.Requests;
        Quantity amount = list is not null && list.TryGetValue(name, out Quantity set) ? set : Quantity.Zero;
        if (isLimit && amount.IsZero) amount = Allocatable(facts.Allocatable, name);
        Quantity divisor = selector.Divisor is { IsZero: false } given ? given : Quantity.FromValue(1);
        return name == ResourceName.Cpu ? Ceiling(amount.MilliValue, divisor.MilliValue) : Ceiling(amount.Value, divisor.Value);
    }

    private static Quantity Allocatable(NodeAllocatable node, string resource) => resource switch
    {
        ResourceName.Cpu => Quantity.FromMilli(node.MilliCpu),
        ResourceName.Memory => Quantity.FromBytes(node.MemoryBytes),
        ResourceName.EphemeralStorage => Quantity.FromBytes(node.EphemeralStorageBytes),
        _ => Quantity.Zero,
    };

    private static string Ceiling(long amount, long divisor)
    {
        BigInteger quotient = BigInteger.DivRem(amount, divisor, out BigInteger remainder);
        return (remainder.Sign > 0 ? quotient + 1 : quotient).ToString(CultureInfo.InvariantCulture);
    }

    // metadata.labels['key']
    private static string? Subscript(string fieldPath, string map) =>
        fieldPath.StartsWith(map + "['", StringComparison.Ordinal) && fieldPath.EndsWith("']", StringComparison.Ordinal)
            ? fieldPath[(map.Length + 2)..^2]
            : null;

    private static PodRuntimeException Refusal(string message) => new(RuntimeFailure.CreateContainerConfigError, message);
}
