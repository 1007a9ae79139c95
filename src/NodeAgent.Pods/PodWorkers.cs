using System.Runtime.InteropServices;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Pods;

/// <summary>
/// All pod workers, one per pod uid, and who may run next under each namespace and name.
/// <code>
///   a name:  free --wanted--> taken by uid A --wanted as uid B, or not wanted--> A terminating --A Terminated--> free, or taken by B
/// </code>
/// Callers: the manifest watcher (SetWanted), the PLEG (Wake, AdoptOrphan), the start of the loops (Adopt), the eviction loop (Active, Over, Fail), the API (RetryImages, SetScheduling),
/// the deletion of pods by name (Find, Delete).
/// Invariants: two uids of one name never run at once, for a wanted pod starts only when every other worker of its name is Terminated; a uid that is wanted
/// again while it ends starts anew after that; the wish is a level, not an edge: setting the same set twice does nothing.
/// An adopted pod runs on by its recorded specification until a full set of wishes has been set; then whatever nobody wants ends.
/// </summary>
public sealed partial class PodWorkers(PodWorkerParts parts)
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<PodUid, Live> _live = [];
    private readonly Dictionary<PodName, int> _taken = [];
    private Dictionary<PodName, DesiredPod> _wanted = [];
    private bool _wishesKnown;
    private NodeScheduling _scheduling;

    /// <summary>The pods there are workers for.</summary>
    public IReadOnlyList<PodUid> Uids
    {
        get
        {
            lock (_gate)
                return [.. _live.Keys];
        }
    }

    /// <summary>The pods there are workers for, and those that are wanted and wait for their name.</summary>
    public IReadOnlySet<PodUid> KnownUids
    {
        get
        {
            lock (_gate)
                return new HashSet<PodUid>(_live.Keys.Concat(_wanted.Values.Select(wish => new PodUid(wish.Uid))));
        }
    }

    /// <summary>The pods that are neither over nor on their way out, as they are specified now.</summary>
    public IReadOnlyDictionary<PodUid, Pod> Active
    {
        get
        {
            lock (_gate)
            {
                return Staying(over: false).ToDictionary(worker => worker.Uid, worker => worker.Desire.Pod);
            }
        }
    }

    /// <summary>The pods that are over and have not been asked to go: nothing of them runs, and nothing will.</summary>
    public IReadOnlySet<PodUid> Over
    {
        get
        {
            lock (_gate)
                return Staying(over: true).Select(worker => worker.Uid).ToHashSet();
        }
    }

    /// <summary>All pods there are workers for and all that wait for their name.</summary>
    public IReadOnlyList<Pod> Specifications
    {
        get
        {
            lock (_gate)
                return [.. _live.Values.Select(live => live.Worker.Desire.Pod), .. _wanted.Values.Select(wish => wish.Pod)];
        }
    }

    /// <summary>A full set of wishes has been set: every pod that is wanted is among <see cref="Specifications"/>.</summary>
    public bool WishesKnown
    {
        get
        {
            lock (_gate)
                return _wishesKnown;
        }
    }

    /// <summary>Where the pods come from that there are workers for.</summary>
    public IReadOnlySet<string> Sources
    {
        get
        {
            lock (_gate)
                return _live.Values.Select(live => live.Worker.Desire.Source).ToHashSet(StringComparer.Ordinal);
        }
    }

    /// <summary>Takes over a pod that was running before this agent: it goes on undisturbed.</summary>
    public void Adopt(PodRuntimeState state)
    {
        lock (_gate)
        {
            if (!_live.ContainsKey(state.Uid))
                Start(DesireOf(state), state);
        }
    }

    /// <summary>A pod was found that has no worker. Before wishes are known it is adopted; afterwards nobody wants it, and it ends with its own grace.</summary>
    public void AdoptOrphan(PodRuntimeState state)
    {
        lock (_gate)
        {
            if (_live.ContainsKey(state.Uid))
                return;
            var live = Start(DesireOf(state), state);
            if (_wishesKnown)
                End(live, DeletionReason.Orphaned);
        }
    }

    /// <summary>Sets all wishes of all sources; each name once.</summary>
    /// <param name="unreadable">
    /// Sources that cannot say what they want at present. A pod that was adopted from one of them goes on: its record is the last good state there is.
    /// </param>
    public void SetWanted(IReadOnlyCollection<DesiredPod> wanted, IReadOnlySet<string> unreadable)
    {
        lock (_gate)
        {
            _wishesKnown = true;
            _wanted = wanted.ToDictionary(pod => pod.Name);
            foreach (var live in _live.Values)
            {
                if (live.Worker.IsTerminating)
                    continue;
                bool nameWanted = _wanted.TryGetValue(live.Name, out var wish);
                if (wish?.Uid == live.Worker.Uid.Value)
                {
                    live.Adopted = false;
                    Update(live, wish);
                }
                else if (!live.Adopted || !unreadable.Contains(live.Worker.Desire.Source))
                {
                    End(live, nameWanted ? DeletionReason.ManifestChanged : live.Adopted ? DeletionReason.Orphaned : DeletionReason.ManifestRemoved);
                }
            }

            RetryResizes();
            foreach (var wish in PodAdmission.InOrder(_wanted.Values, wish => wish.Pod, wish => wish.Source.Name))
                StartIfFree(wish);
        }
    }

    /// <summary>Something about this pod may have changed.</summary>
    /// <returns>Whether it has a worker.</returns>
    public bool Wake(PodUid uid)
    {
        lock (_gate)
        {
            if (!_live.TryGetValue(uid, out var live))
                return false;
            live.Worker.Wake();
            return true;
        }
    }

    /// <summary>Somebody outside the pod has decided that it has failed: it ends with the verdict's grace and stays, to be seen, until its manifest changes.</summary>
    /// <param name="over">Completes when nothing of it runs.</param>
    /// <returns>False when there is no such pod, or it is over or on its way out.</returns>
    public bool Fail(PodUid uid, PodVerdict verdict, out Task over)
    {
        lock (_gate)
        {
            bool failed = _live.TryGetValue(uid, out var live) && live.Worker.Fail(verdict);
            over = failed ? live!.Worker.Ended : Task.CompletedTask;
            return failed;
        }
    }

    /// <summary>What of a deletion by name depends on the pod's worker; null when there is no such pod.</summary>
    internal PodDesire? Find(PodUid uid)
    {
        lock (_gate)
            return _live.GetValueOrDefault(uid)?.Worker.Desire;
    }

    /// <summary>A client has deleted the pod: it ends with this grace. Called again, it can only shorten it.</summary>
    /// <param name="grace">Null takes the pod's own.</param>
    /// <param name="withdrawn">Its manifest is gone, so it is not wanted any more, whatever was set last.</param>
    /// <returns>The deletion that is in force now; null when there is no such pod.</returns>
    internal PodDeletion? Delete(PodUid uid, TimeSpan? grace, bool withdrawn)
    {
        lock (_gate)
        {
            if (!_live.TryGetValue(uid, out var live))
                return null;
            if (withdrawn && _wanted.TryGetValue(live.Name, out var wish) && wish.Uid == uid.Value)
                _wanted.Remove(live.Name);
            live.Worker.Terminate(new PodDeletion(parts.Clock.Now, grace ?? PodDeletion.GraceOf(live.Worker.Desire.Pod), DeletionReason.DeletedByApi));
            return live.Worker.Desire.Deletion;
        }
    }

    /// <summary>Images were loaded: pods that wait for one try again at once.</summary>
    public void RetryImages()
    {
        lock (_gate)
        {
            foreach (var live in _live.Values)
                live.Worker.RetryImages();
        }
    }

    /// <summary>Whether pods may run. A level: what it says holds for every pod there is and for every pod to come.</summary>
    public void SetScheduling(NodeScheduling scheduling)
    {
        lock (_gate)
        {
            _scheduling = scheduling;
            foreach (var live in _live.Values)
            {
                // A cordon lets what runs go on, and does not let a held pod go.
                if (scheduling != NodeScheduling.Cordoned || live.Worker.Desire.Hold is not null)
                    live.Worker.Hold(PodHold.Of(scheduling));
            }
        }
    }

    /// <summary>Ends the tasks, not the pods.</summary>
    public async Task StopAsync()
    {
        _stopping.Cancel();
        Task[] tasks;
        lock (_gate)
            tasks = [.. _live.Values.Select(live => live.Task)];
        await Task.WhenAll(tasks);
    }

    /// <summary>
    /// A running pod is resized. One that is over, or was refused, starts anew: whoever raises the limit that ended it, or lowers what did not fit, wants it to run.
    /// </summary>
    private void Update(Live live, DesiredPod wish)
    {
        if (live.Worker.IsOver && !ResizableResources.Same(live.Worker.Desire.Pod, wish.Pod))
            End(live, DeletionReason.ManifestChanged);
        else
            live.Worker.Update(wish.Pod, wish.Source.Name);
    }

    /// <summary>Pods whose resize waits for room ask again, in their order.</summary>
    internal void RetryResizes()
    {
        lock (_gate)
        {
            Live[] waiting = [.. _live.Values.Where(live => live.Worker.PendingResize is { Reason: ResizePending.Deferred })];
            foreach (var live in ResizeAdmission.InOrder(waiting, live => live.Worker.PendingResize!))
                live.Worker.RetryResize();
        }
    }

    // Under the gate: who has not been asked to go.
    private IEnumerable<PodWorker> Staying(bool over) =>
        _live.Values.Select(live => live.Worker).Where(worker => !worker.IsTerminating && worker.Ended.IsCompleted == over);

    private void StartIfFree(DesiredPod wish)
    {
        if (!_taken.ContainsKey(wish.Name) && !_stopping.IsCancellationRequested)
            Start(Admitted(new PodDesire(new PodUid(wish.Uid), wish.Pod, wish.Source.Name, parts.Clock.Now)), adopted: null);
    }

    /// <summary>
    /// A pod that does not fit has failed before it starts, and stays so until its manifest changes. One that was over before the agent's start, of which nothing is
    /// left but that, asks for no room; if its resources have changed since, it starts anew.
    /// </summary>
    private PodDesire Admitted(PodDesire desire)
    {
        if (parts.Kept.Read(desire.Uid) is { IsOver: true } kept)
        {
            if (kept.Version == PodIdentity.Version(desire.Pod))
                return desire;
            parts.Kept.Remove(desire.Uid);
        }

        if ((parts.Conditions.Current.Refusal(desire.Pod) ?? parts.Allocations.Admit(desire.Uid, desire.Pod)) is not { } refusal)
            return desire;
        parts.Events.Record(desire.Pod, EventType.Warning, refusal.Reason, refusal.Message);
        return desire with { Verdict = refusal.ToVerdict(desire.AcceptedAt) };
    }

    /// <param name="adopted">What runs of it already; readers see it before the worker's first turn.</param>
    private Live Start(PodDesire desire, PodRuntimeState? adopted)
    {
        bool runs = adopted is not null && _scheduling == NodeScheduling.Cordoned;
        desire = desire with { Hold = runs ? null : PodHold.Of(_scheduling) };
        var live = new Live(new PodWorker(desire, parts), PodName.Of(desire.Pod)) { Adopted = adopted is not null };
        _live[desire.Uid] = live;
        _taken[live.Name] = _taken.GetValueOrDefault(live.Name) + 1;
        if (adopted is not null)
        {
            parts.Allocations.Adopt(desire.Uid, desire.Pod);
            live.Worker.Show(adopted);
        }

        live.Task = RunAsync(live);
        return live;
    }

    private async Task RunAsync(Live live)
    {
        if (!await live.Worker.RunAsync(_stopping.Token))
            return;
        await ForgetLogsAsync(live);
        parts.Cache.Forget(live.Worker.Uid);
        parts.Allocations.Release(live.Worker.Uid);
        parts.Publisher.Remove(live.Worker.Uid);
        lock (_gate)
        {
            _live.Remove(live.Worker.Uid);
            if (--CollectionsMarshal.GetValueRefOrNullRef(_taken, live.Name) == 0)
                _taken.Remove(live.Name);
            if (_wanted.TryGetValue(live.Name, out var wish))
                StartIfFree(wish);
        }
    }

    /// <summary>A pod's logs go with the pod, as on every node of a cluster. Logs that stay behind hurt nobody, so a failure holds up nothing.</summary>
    private async Task ForgetLogsAsync(Live live)
    {
        try
        {
            await parts.Runtime.RemovePodLogsAsync(live.Name.Namespace, live.Name.Name, live.Worker.Uid, _stopping.Token);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            LogLogsStay(live.Name, error);
        }
    }

    private void End(Live live, DeletionReason reason) =>
        live.Worker.Terminate(new PodDeletion(parts.Clock.Now, PodDeletion.GraceOf(live.Worker.Desire.Pod), reason));

    private PodDesire DesireOf(PodRuntimeState state)
    {
        var accepted = state.Sandboxes.Count > 0 ? state.Sandboxes.Min(sandbox => sandbox.CreatedAt) : parts.Clock.Now;
        return new PodDesire(state.Uid, state.Pod, state.Source, accepted);
    }

    private sealed class Live(PodWorker worker, PodName name)
    {
        public PodWorker Worker { get; } = worker;
        public PodName Name { get; } = name;

        /// <summary>Taken over from before the agent's start, and no source has asked for it since.</summary>
        public bool Adopted { get; set; }

        public Task Task { get; set; } = Task.CompletedTask;
    }
}
