using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Which pods have been given a part of the node.
/// <code>
///   a pod:  (nothing) --Admit, when it fits--> admitted --Resize, when it fits--> admitted --Release--> (nothing)
///                     --Adopt, it runs already-->
/// </code>
/// Callers: PodWorkers (Admit, Adopt, Release when a pod is gone), a pod's own worker (Resize, Release when the pod is over).
/// Invariants: the claims of pods that were admitted never exceed what is allocatable; only what was adopted may, because a pod that runs is never ended for a
/// restart of the agent or for a change of its settings. Deciding and booking are one step, so two pods never get the same room.
/// What a shrinking pod gives back is free at once: requests are promises, and nothing holds a pod to them.
/// </summary>
public sealed class PodAllocations(NodeResources allocatable)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PodUid, PodClaim> _admitted = [];

    /// <summary>Raised, with no lock held, when a pod was released.</summary>
    public event Action? RoomFreed;

    /// <summary>Gives the pod what it asks for, or says why not.</summary>
    public AdmissionRefusal? Admit(PodUid uid, Pod pod)
    {
        var claim = PodClaim.Of(pod);
        lock (_gate)
        {
            _admitted.Remove(uid);
            if (PodAdmission.Refusal(claim, _admitted.Values, allocatable) is { } refusal)
                return refusal;
            _admitted[uid] = claim;
            return null;
        }
    }

    /// <summary>The pod runs already: it has what it asks for.</summary>
    public void Adopt(PodUid uid, Pod pod)
    {
        lock (_gate)
            _admitted[uid] = PodClaim.Of(pod);
    }

    /// <summary>Gives the pod other resources, or says why not; then it keeps what it has.</summary>
    public ResizeRefusal? Resize(PodUid uid, Pod wanted)
    {
        var claim = PodClaim.Of(wanted);
        lock (_gate)
        {
            var current = _admitted.GetValueOrDefault(uid)?.Requests ?? NodeResources.None;
            PodClaim[] others = [.. _admitted.Where(pod => pod.Key != uid).Select(pod => pod.Value)];
            if (ResizeAdmission.Refusal(current, claim.Requests, others, allocatable) is { } refusal)
                return refusal;
            _admitted[uid] = claim;
            return null;
        }
    }

    /// <summary>The pod is over or gone: what it had is free. Unknown uids are no error.</summary>
    public void Release(PodUid uid)
    {
        bool freed;
        lock (_gate)
            freed = _admitted.Remove(uid);
        if (freed)
            RoomFreed?.Invoke();
    }
}
