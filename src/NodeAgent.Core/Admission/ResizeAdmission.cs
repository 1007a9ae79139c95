using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Admission;

/// <summary>Why a pod cannot have other resources.</summary>
public sealed record ResizeRefusal(ResizePending Reason, string Message);

/// <summary>
/// Whether a pod that is admitted can have other resources. Only what grows is asked for: what shrinks or stays is always given, also on a node that has become
/// too small.
///
/// | what grows                                  | the resize is |
/// | to more than the node could give at all     | Infeasible |
/// | to more than is left beside the other pods  | Deferred: it is tried again when room appears |
/// | else                                        | given |
///
/// Messages are the kubelet's.
/// </summary>
public static class ResizeAdmission
{
    /// <param name="current">What the pod has been given.</param>
    /// <param name="wanted">What it shall have.</param>
    /// <param name="others">The claims of all other pods that are admitted.</param>
    /// <returns>Null when it can have it.</returns>
    public static ResizeRefusal? Refusal(NodeResources current, NodeResources wanted, IReadOnlyCollection<PodClaim> others, NodeResources allocatable)
    {
        NodeResources growing = new(
            wanted.MilliCpu > current.MilliCpu ? wanted.MilliCpu : 0,
            wanted.MemoryBytes > current.MemoryBytes ? wanted.MemoryBytes : 0,
            wanted.EphemeralStorageBytes > current.EphemeralStorageBytes ? wanted.EphemeralStorageBytes : 0,
            Pods: 0);
        foreach (((string resource, long requested), (_, long capacity)) in growing.Amounts().Zip(allocatable.Amounts()))
        {
            if (requested > capacity)
                return new ResizeRefusal(ResizePending.Infeasible, $"Node didn't have enough capacity: {resource}, requested: {requested}, capacity: {capacity}");
        }

        return PodAdmission.Refusal(new PodClaim(growing, []), others, allocatable) is { } refusal ? new ResizeRefusal(ResizePending.Deferred, refusal.Message) : null;
    }

    /// <summary>In which order resizes that wait are tried again: by priority, then Guaranteed pods first, then those that wait longest.</summary>
    public static IOrderedEnumerable<T> InOrder<T>(IEnumerable<T> waiting, Func<T, PodResize> resize) => waiting
        .OrderByDescending(item => PodPriority.Of(resize(item).Wanted))
        .ThenBy(item => QosClass.Of(resize(item).Wanted) == PodQosClass.Guaranteed ? 0 : 1)
        .ThenBy(item => resize(item).Since);
}
