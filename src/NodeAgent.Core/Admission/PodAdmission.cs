using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Admission;

/// <summary>Why a pod may not run on this node.</summary>
/// <param name="Reason"><c>OutOfcpu</c>, <c>OutOfmemory</c>, <c>OutOfephemeral-storage</c>, <c>OutOfpods</c>, <c>NodePorts</c>: the pod's reason, and that of its event.</param>
/// <param name="Message">As the event says it; the pod's own message has a prefix.</param>
public sealed record AdmissionRefusal(string Reason, string Message)
{
    public PodVerdict ToVerdict(DateTimeOffset now) => new(Reason, "Pod was rejected: " + Message, now);
}

/// <summary>
/// Whether a pod fits beside those that are admitted. Nothing is weighed: what is asked for counts, not what is used.
///
/// | the first row that is so                                         | the pod is |
/// | it would be one more than the node takes                         | refused: OutOfpods |
/// | it asks for more cpu than is left                                | refused: OutOfcpu |
/// | it asks for more memory than is left                             | refused: OutOfmemory |
/// | it asks for more ephemeral storage than is left                  | refused: OutOfephemeral-storage |
/// | it wants a port of the host that another pod has                 | refused: NodePorts |
/// | none of these; so also when it asks for nothing on a full node   | admitted |
///
/// Words and order are the kubelet's (<c>pkg/kubelet/lifecycle/predicate.go</c>), so that what reads its messages reads these.
/// </summary>
public static class PodAdmission
{
    private const string ReasonPrefix = "OutOf";
    private const string PortsReason = "NodePorts";

    /// <param name="admitted">The claims of all pods that are admitted, this one left out.</param>
    /// <param name="allocatable">What the node can give to pods.</param>
    /// <returns>Null when it fits.</returns>
    public static AdmissionRefusal? Refusal(PodClaim claim, IReadOnlyCollection<PodClaim> admitted, NodeResources allocatable)
    {
        NodeResources used = Sum(admitted);
        foreach (((string resource, long requested), (_, long taken), (_, long capacity)) in claim.Requests.Amounts().Zip(used.Amounts(), allocatable.Amounts()))
        {
            if (requested > 0 && requested > capacity - taken)
            {
                return new AdmissionRefusal(
                    ReasonPrefix + resource, $"Node didn't have enough resource: {resource}, requested: {requested}, used: {taken}, capacity: {capacity}");
            }
        }

        bool portTaken = claim.HostPorts.Any(port => admitted.Any(other => other.HostPorts.Any(port.ConflictsWith)));
        return portTaken ? new AdmissionRefusal(PortsReason, $"Predicate {PortsReason} failed: node(s) didn't have free ports for the requested pod ports") : null;
    }

    /// <summary>
    /// In which order pods that came together are admitted: those of higher priority first, so that a critical pod is not kept out by one that just has the
    /// better name; then in the order of their sources and names, which is the same after every start.
    /// </summary>
    public static IOrderedEnumerable<T> InOrder<T>(IEnumerable<T> pods, Func<T, Pod> pod, Func<T, string> source) => pods
        .OrderByDescending(item => PodPriority.Of(pod(item)))
        .ThenBy(source, StringComparer.Ordinal)
        .ThenBy(item => pod(item).Metadata?.Namespace, StringComparer.Ordinal)
        .ThenBy(item => pod(item).Metadata?.Name, StringComparer.Ordinal);

    private static NodeResources Sum(IReadOnlyCollection<PodClaim> claims)
    {
        NodeResources sum = NodeResources.None;
        foreach (PodClaim claim in claims)
            sum += claim.Requests;
        return sum;
    }
}
