using NodeAgent.Core.Cri;
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

    void Keep(PodUid uid, KeptPod pod);

    /// <summary>The pod is gone. Unknown uids are no error.</summary>
    void Remove(PodUid uid);

    /// <summary>Forgets the pods that went while no agent was there.</summary>
    void RemoveAllBut(IReadOnlySet<PodUid> wanted);
}
