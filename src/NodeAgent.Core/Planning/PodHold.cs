namespace NodeAgent.Core.Planning;

/// <summary>Whether pods may run on this node. An operator's wish; survives the agent, not a reboot.</summary>
public enum NodeScheduling
{
    Open,

    /// <summary>No pod is started that has not been started; what runs goes on, restarts included. Node <c>spec.unschedulable</c>.</summary>
    Cordoned,

    /// <summary>Every pod is ended with its own grace, and none is started. Node <c>spec.unschedulable</c> and a NoExecute taint.</summary>
    Drained,
}

public enum PodHoldReason
{
    NodeDrained,
    NodeCordoned,
}

/// <summary>
/// The pod is wanted and must not run for the time being. It is Pending, not Failed or deleted, because nothing is wrong with it and it starts by itself when the
/// hold is taken back: anew, as after a reboot, with its volumes and its restart counts.
/// A pod that was over before the hold stays what it was.
/// </summary>
/// <param name="EndsRunning">What runs of the pod is ended with the pod's own grace; else the hold only keeps it from being started.</param>
public sealed record PodHold(PodHoldReason Reason, string Message, bool EndsRunning)
{
    public static readonly PodHold Drained = new(PodHoldReason.NodeDrained, "the node is drained; podctl uncordon starts the pod", true);
    public static readonly PodHold Cordoned = new(PodHoldReason.NodeCordoned, "the node takes no new pods; podctl uncordon starts the pod", false);

    /// <summary>The hold that a pod gets when it is taken on.</summary>
    public static PodHold? Of(NodeScheduling scheduling) => scheduling switch
    {
        NodeScheduling.Drained => Drained,
        NodeScheduling.Cordoned => Cordoned,
        _ => null,
    };
}
