using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>What is wanted of one pod incarnation: that it runs, that it is over but still shown, or that it goes away.</summary>
/// <param name="Pod">Defaulted and validated, with the resources that the node has given it.</param>
/// <param name="Source">Where the pod comes from, e.g. the manifest's path.</param>
/// <param name="AcceptedAt">When this node took the pod on; the pod's startTime when nothing older is known. Steady time.</param>
/// <param name="Deletion">Set once the pod has to go; a second one may only shorten the grace (<see cref="PodDeletion.Narrow"/>).</param>
/// <param name="Verdict">Set when someone outside the planner has ended the pod without deleting it (eviction, refused admission).</param>
/// <param name="Hold">Set while the pod must not run although it is wanted.</param>
public sealed record PodDesire(
    PodUid Uid,
    Pod Pod,
    string Source,
    DateTimeOffset AcceptedAt,
    PodDeletion? Deletion = null,
    PodVerdict? Verdict = null,
    PodHold? Hold = null)
{
    /// <summary>Other resources that the manifest asks for and the node has not given; null when there are none.</summary>
    public PodResize? Resize { get; init; }

    /// <summary><c>name_namespace(uid)</c>, as messages and events of the field name a pod.</summary>
    public string DisplayName => $"{Pod.Metadata?.Name}_{Pod.Metadata?.Namespace}({Uid})";
}

/// <summary>A resize that has to wait.</summary>
/// <param name="Wanted">The pod as its manifest is now.</param>
/// <param name="Message">What is lacking.</param>
/// <param name="Since">Steady time.</param>
public sealed record PodResize(Pod Wanted, ResizePending Reason, string Message, DateTimeOffset Since);

/// <summary>Names are those of the reason of the condition PodResizePending.</summary>
public enum ResizePending
{
    /// <summary>There is no room at present.</summary>
    Deferred,

    /// <summary>More than the node could ever give.</summary>
    Infeasible,
}

public enum DeletionReason
{
    ManifestRemoved,
    ManifestChanged,
    DeletedByApi,

    /// <summary>Found running at start with no source that wants it.</summary>
    Orphaned,
    NodeShutdown,
}

/// <param name="RequestedAt">Steady time; the grace counts from here.</param>
/// <param name="Grace">0 kills at once, without a stop signal.</param>
public sealed record PodDeletion(DateTimeOffset RequestedAt, TimeSpan Grace, DeletionReason Reason)
{
    public DateTimeOffset Deadline => RequestedAt + Grace;

    /// <summary>Both deletions at once: the first reason, the earlier deadline. A deletion never takes back an earlier one.</summary>
    public PodDeletion Narrow(PodDeletion later)
    {
        DateTimeOffset deadline = later.Deadline < Deadline ? later.Deadline : Deadline;
        TimeSpan grace = later.Grace == TimeSpan.Zero || deadline <= RequestedAt ? TimeSpan.Zero : deadline - RequestedAt;
        return grace < Grace ? this with { Grace = grace } : this;
    }

    /// <summary>The grace a pod asks for itself: <c>terminationGracePeriodSeconds</c>, 30 s when it says nothing.</summary>
    public static TimeSpan GraceOf(Pod pod) => TimeSpan.FromSeconds(Math.Max(0, pod.Spec?.TerminationGracePeriodSeconds ?? 30));
}

/// <summary>The pod as a whole has failed: nothing of it is started again, and its status says why. Never taken back.</summary>
/// <param name="Reason"><c>DeadlineExceeded</c>, <c>Evicted</c>, <c>OutOfcpu</c>, <c>OutOfmemory</c>, <c>OutOfpods</c>, …</param>
/// <param name="Grace">Grace of the kill; null takes the pod's own.</param>
/// <param name="Disruption">The node ended it for its own sake: the status shows the condition DisruptionTarget.</param>
public sealed record PodVerdict(string Reason, string Message, DateTimeOffset DecidedAt, TimeSpan? Grace = null, bool Disruption = false)
{
    public const string Evicted = nameof(Evicted);

    public const string DeadlineExceeded = nameof(DeadlineExceeded);

    /// <summary>The sandbox died and no container may run twice. Has no counterpart in the kubelet, which leaves such a pod hanging.</summary>
    public const string SandboxDied = nameof(SandboxDied);

    public static PodVerdict ForDeadline(DateTimeOffset deadline) =>
        new(DeadlineExceeded, "pod was active on the node longer than its activeDeadlineSeconds", deadline);

    public static PodVerdict ForSandbox(DateTimeOffset now) =>
        new(SandboxDied, "the pod's sandbox died, and its restart policy does not let its containers run again", now);
}
