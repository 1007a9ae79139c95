using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Pods;

/// <summary>
/// Keeps one <see cref="KeptPod"/> for each pod uid until the machine is started anew. Nothing here ever fails its caller: what cannot be kept or read is
/// reported by the implementation, and the pod goes on without.
/// Implementations: files of the run folder (the daemon), memory (tests).
/// </summary>
public interface IKeptPods
{
    /// <summary>Null when there is nothing, or nothing that can be read.</summary>
    KeptPod? Read(PodUid uid);

    /// <summary>
    /// The number of the last run that left a log, by container. Logs outlive a reboot, as nothing else here does: the count of restarts goes on from them, and
    /// neither a log nor the id of a run is used twice.
    /// </summary>
    IReadOnlyDictionary<string, int> LoggedRuns(PodUid uid, Pod pod);

    void Keep(PodUid uid, KeptPod pod);

    /// <summary>The pod is gone. Unknown uids are no error.</summary>
    void Remove(PodUid uid);

    /// <summary>Forgets the pods that went while no agent was there.</summary>
    void RemoveAllBut(IReadOnlySet<PodUid> wanted);
}
