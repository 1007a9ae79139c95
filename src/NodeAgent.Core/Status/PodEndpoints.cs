using NodeAgent.Core.Model;

namespace NodeAgent.Core.Status;

/// <summary>One address of a pod that a selector has found, with the conditions of a discovery/v1 EndpointSlice.</summary>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="Serving">The pod is Ready, also while it is being ended.</param>
/// <param name="Terminating">It is being ended.</param>
public sealed record PodEndpoint(string Namespace, string Pod, string Address, bool Serving, bool Terminating)
{
    /// <summary>To be sent new work.</summary>
    public bool Ready => Serving && !Terminating;
}

/// <summary>
/// Readiness as a fact for those who spread load: which addresses stand behind a selector now, and which of them may be sent work.
/// To follow it: whenever the shown pods change, ask again.
/// </summary>
public static class PodEndpoints
{
    /// <summary>
    /// | the pod                                   | its addresses                      |
    /// | in another namespace, or a label differs  | are not there                      |
    /// | Succeeded or Failed, or without address   | are not there                      |
    /// | condition Ready is True                   | are serving, and ready             |
    /// | Ready, and being ended                    | are serving, and not ready         |
    /// | else                                      | are there, and not ready           |
    /// </summary>
    /// <param name="selector">Labels that a pod has to have; an empty one finds nothing, as with a Service.</param>
    /// <returns>In the order of pods, then of their addresses.</returns>
    public static IReadOnlyList<PodEndpoint> Select(IEnumerable<Pod> pods, string @namespace, IReadOnlyDictionary<string, string> selector)
    {
        List<PodEndpoint> found = [];
        if (selector.Count == 0)
            return found;
        foreach (Pod pod in pods)
        {
            if (pod.Metadata is not { Name: { } name } metadata || (metadata.Namespace ?? "default") != @namespace || !Matches(metadata.Labels, selector)
                || pod.Status is not { Phase: not (PodPhase.Succeeded or PodPhase.Failed) } status)
                continue;
            bool serving = status.Conditions?.Any(condition => condition is { Type: PodConditionType.Ready, Status: ConditionStatus.True }) == true;
            foreach (PodIP ip in status.PodIPs ?? [])
            {
                if (ip.Ip is { Length: > 0 } address)
                    found.Add(new PodEndpoint(@namespace, name, address, serving, metadata.DeletionTimestamp is not null));
            }
        }
        return found;
    }

    private static bool Matches(IReadOnlyDictionary<string, string>? labels, IReadOnlyDictionary<string, string> selector) =>
        selector.All(wanted => labels is not null && labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value);
}
