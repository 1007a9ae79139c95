using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;
using NodeAgent.Core.Status;

namespace NodeAgent.Pods;

/// <summary>
/// Changing a pod's resources.
/// <code>
///                 the manifest asks for others                 there is room
///   in force -----------------------------------> (decided) ---------------> in progress --every cgroup has them--> in force
///                                                     |  ^
///                                no room, or too much v  | room appears, the manifest changes again
///                                                   pending
/// </code>
/// While a resize is pending the pod goes on with what it was given, and that is what its containers restart with.
/// A pod that is over is not resized: another manifest starts it anew (PodWorkers sees to that).
/// </summary>
public sealed partial class PodWorker
{
    // Told when it is through; set under the gate.
    private bool _tellsCompleted;
    private volatile bool _over;

    /// <summary>Nothing of the pod starts any more, whatever its manifest says.</summary>
    internal bool IsOver => _over || Desire.Verdict is not null;

    /// <summary>The resize that waits; null when none does.</summary>
    internal PodResize? PendingResize => Desire.Resize;

    /// <summary>The same incarnation with other particulars that do not make another pod of it: what its manifest is now.</summary>
    internal void Update(Pod pod, string source)
    {
        lock (_gate)
        {
            var shown = _desire.Resize?.Wanted ?? _desire.Pod;
            bool changed = !ResizableResources.Same(shown, pod);
            if (!changed && _desire.Source == source && ReferenceEquals(_wish, pod))
                return;
            _wish = pod;
            long generation = (shown.Metadata?.Generation ?? 1) + (changed ? 1 : 0);
            pod = pod with { Metadata = (pod.Metadata ?? new ObjectMeta()) with { Generation = generation } };
            _desire = _desire with { Source = source };
            if (!changed)
                _desire = _desire.Resize is { } pending ? _desire with { Resize = pending with { Wanted = pod } } : _desire with { Pod = pod };
            else
                Resize(pod);
        }

        _signal.Set();
    }

    /// <summary>Room may have appeared for the resize that waits.</summary>
    internal void RetryResize()
    {
        lock (_gate)
        {
            if (_desire.Resize is not { Reason: ResizePending.Deferred } pending || _desire.Deletion is not null)
                return;
            Resize(pending.Wanted);
        }

        _signal.Set();
    }

    /// <summary>Gives the pod what it asks for, or lets it wait. Called with the gate held.</summary>
    private void Resize(Pod wanted)
    {
        if (ResizableResources.Same(_desire.Pod, wanted))
        {
            // Back to what it has: nothing was done, so there is nothing to tell.
            _desire = _desire with { Pod = wanted, Resize = null };
            return;
        }

        if (_parts.Allocations.Resize(Uid, wanted) is { } refusal)
        {
            var before = _desire.Resize;
            _desire = _desire with { Resize = new PodResize(wanted, refusal.Reason, refusal.Message, before?.Since ?? _parts.Clock.Now) };
            if (before?.Reason != refusal.Reason || before.Message != refusal.Message || before.Wanted.Metadata?.Generation != wanted.Metadata?.Generation)
            {
                string reason = refusal.Reason == ResizePending.Deferred ? PodEvents.ResizeDeferred : PodEvents.ResizeInfeasible;
                _parts.Events.Record(wanted, EventType.Warning, reason, ResizeMessages.Pending(wanted, refusal.Reason.ToString(), refusal.Message));
            }

            return;
        }

        _desire = _desire with { Pod = wanted, Resize = null };
        _tellsCompleted = true;
        _parts.Events.Record(wanted, EventType.Normal, PodEvents.ResizeStarted, ResizeMessages.Started(wanted));
    }

    /// <summary>Takes notice of how far the plan found the resize to be.</summary>
    private void NoteResize(PodDesire desire, PodPlan plan)
    {
        lock (_gate)
        {
            _tellsCompleted |= plan.Resizing;
            // A wish that came while this plan was made is still to be planned.
            if (!_tellsCompleted || plan.Resizing || plan.Stage != PodStage.Syncing || !ReferenceEquals(desire.Pod, _desire.Pod))
                return;
            _tellsCompleted = false;
        }

        _parts.Events.Record(desire.Pod, EventType.Normal, PodEvents.ResizeCompleted, ResizeMessages.Completed(desire.Pod));
    }
}
