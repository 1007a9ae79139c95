using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Admission;

/// <summary>Amounts of what a node is counted in: what it has, holds back or can give, or what pods ask for together.</summary>
/// <param name="MilliCpu">Thousandths of a core.</param>
/// <param name="MemoryBytes">Bytes.</param>
/// <param name="EphemeralStorageBytes">Bytes on the file system of the agent's root folder.</param>
/// <param name="Pods">How many.</param>
public sealed record NodeResources(long MilliCpu, long MemoryBytes, long EphemeralStorageBytes, long Pods)
{
    public static readonly NodeResources None = new(0, 0, 0, 0);

    /// <summary>What a pod asks for: the effective request, by the rule at <see cref="PodResources"/>, and itself as one pod.</summary>
    public static NodeResources RequestedBy(Pod pod) => new(
        PodResources.Request(pod, ResourceName.Cpu),
        PodResources.Request(pod, ResourceName.Memory),
        PodResources.Request(pod, ResourceName.EphemeralStorage),
        1);

    /// <summary>What is left for pods: never less than nothing, however much is held back.</summary>
    /// <param name="heldBack">The configuration's systemReserved, kubeReserved and hard eviction thresholds.</param>
    public static NodeResources Allocatable(NodeResources capacity, params ReadOnlySpan<NodeResources> heldBack)
    {
        NodeResources left = capacity;
        foreach (NodeResources held in heldBack)
            left -= held;
        return new(Math.Max(0, left.MilliCpu), Math.Max(0, left.MemoryBytes), Math.Max(0, left.EphemeralStorageBytes), Math.Max(0, left.Pods));
    }

    public static NodeResources operator +(NodeResources a, NodeResources b) =>
        new(a.MilliCpu + b.MilliCpu, a.MemoryBytes + b.MemoryBytes, a.EphemeralStorageBytes + b.EphemeralStorageBytes, a.Pods + b.Pods);

    public static NodeResources operator -(NodeResources a, NodeResources b) =>
        new(a.MilliCpu - b.MilliCpu, a.MemoryBytes - b.MemoryBytes, a.EphemeralStorageBytes - b.EphemeralStorageBytes, a.Pods - b.Pods);

    /// <summary>As <c>status.capacity</c> and <c>status.allocatable</c> of a node show it.</summary>
    public IReadOnlyDictionary<string, Quantity> ToQuantities() => new SortedDictionary<string, Quantity>(StringComparer.Ordinal)
    {
        [ResourceName.Cpu] = Quantity.FromMilli(MilliCpu),
        [ResourceName.EphemeralStorage] = Quantity.FromBytes(EphemeralStorageBytes),
        [ResourceName.Memory] = Quantity.FromBytes(MemoryBytes),
        [ResourceName.Pods] = Quantity.FromValue(Pods),
    };

    /// <summary>Each amount with its resource's name, in the order in which a shortage is reported.</summary>
    internal IEnumerable<(string Resource, long Amount)> Amounts() =>
        [(ResourceName.Pods, Pods), (ResourceName.Cpu, MilliCpu), (ResourceName.Memory, MemoryBytes), (ResourceName.EphemeralStorage, EphemeralStorageBytes)];
}
