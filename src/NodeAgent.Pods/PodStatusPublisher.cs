using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;

namespace NodeAgent.Pods;

/// <summary>What pods show of the node they are on.</summary>
/// <param name="HostIPs">The node's addresses now, the preferred one first.</param>
public sealed record PodSurroundings(string NodeName, Func<IReadOnlyList<string>> HostIPs);

/// <summary>Makes a pod and its status visible to readers. Called by the pod's own worker.</summary>
public sealed class PodStatusPublisher(StatusStore store, IKeptPods kept, PodSurroundings surroundings, SteadyClock clock)
{
    /// <param name="restored">What an earlier agent has kept of this pod; the first status goes on from there.</param>
    /// <param name="unobservable">Why the state cannot be had at present; null when it can.</param>
    public void Publish(
        PodDesire desire, PodRuntimeState? observed, PodPlan plan, ProbeResults probes, KeptPod? restored, string? unobservable = null)
    {
        var previous = store.Find(desire.Uid)?.Status ?? restored?.Status;
        var status = PodStatusBuilder.Build(
            desire, observed, plan, probes, previous, surroundings.HostIPs(), clock.Time.GetUtcNow(), unobservable);
        // What is shown as wanted is what the manifest says, also while the node has not given it.
        var pod = desire.Resize?.Wanted ?? desire.Pod;
        var metadata = (pod.Metadata ?? new ObjectMeta()) with
        {
            CreationTimestamp = status.StartTime,
            DeletionTimestamp = desire.Deletion?.Deadline,
            DeletionGracePeriodSeconds = desire.Deletion is { } deletion ? (long)Math.Ceiling(deletion.Grace.TotalSeconds) : null,
        };
        if (!store.Publish(pod with { Metadata = metadata, Status = status }, desire.Uid))
            return;
        // How a deleted pod ends says nothing of the same pod, wanted again: that one starts anew.
        if (desire.Deletion is null)
            kept.Keep(desire.Uid, new KeptPod(status, plan.Verdict) { Version = PodIdentity.Version(pod) });
        else
            kept.Remove(desire.Uid);
    }

    public void Remove(PodUid uid)
    {
        kept.Remove(uid);
        store.Remove(uid);
    }
}
