using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>All pods of this node at one moment. Never changes once handed out.</summary>
/// <param name="ResourceVersion">Watch from here to see what happens next.</param>
/// <param name="Pods">With their status, ordered by namespace, then name; each pair once.</param>
public sealed record PodSnapshot(long ResourceVersion, ImmutableArray<Pod> Pods)
{
    /// <summary>The pod of that name, or null.</summary>
    public Pod? Find(string podNamespace, string name)
    {
        int index = IndexOf(Pods, podNamespace, name);
        return index < 0 ? null : Pods[index];
    }

    /// <summary>Index of the pod, or the complement of the index at which it belongs.</summary>
    internal static int IndexOf(ImmutableArray<Pod> pods, string podNamespace, string name)
    {
        int low = 0, high = pods.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = string.CompareOrdinal(pods[middle].Metadata!.Namespace, podNamespace);
            if (order == 0) order = string.CompareOrdinal(pods[middle].Metadata!.Name, name);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }
        return ~low;
    }
}

/// <summary>
/// What the rest of the world sees of the pods.
/// <code>
///   (absent) --Publish--> waiting for the name, if an older pod uid of the same namespace and name is still there
///      |                        | that pod is removed
///      +------Publish-----------+--> visible --Publish (something differs)--> visible, one version up
///                                       +-----Remove--> (absent)
/// </code>
/// Callers: the pod workers publish and remove; the API, the metrics and the node's status read.
/// Invariant: <see cref="Current"/> and the history agree: a watch that starts at a snapshot's version sees exactly what came after it.
/// Readers take no lock. A name belongs to the pod that had it first until that one is gone, as in the Kubernetes API, where a replaced pod shows as
/// Terminating under its old uid before the new one appears.
/// </summary>
public sealed class StatusStore
{
    /// <summary>Changes that a watch may lag behind: a few dozen pods that change every second, for half a minute.</summary>
    public const int DefaultHistory = 1024;

    private readonly Lock _gate = new();
    private readonly WatchLog<Pod> _log;
    private readonly Dictionary<PodUid, Published> _byUid = [];
    private readonly Dictionary<(string Namespace, string Name), List<PodUid>> _claims = [];
    private volatile PodSnapshot _current;

    public StatusStore(TimeProvider time, int history = DefaultHistory)
    {
        long start = time.GetUtcNow().ToUnixTimeMilliseconds();
        _log = new WatchLog<Pod>(start, history);
        _current = new PodSnapshot(start, []);
    }

    /// <summary>Raised after each change, inside the store's lock: a handler returns at once and does not call back.</summary>
    public event Action? Changed;

    /// <summary>All visible pods now. Cheap.</summary>
    public PodSnapshot Current => _current;

    /// <summary>
    /// Makes a pod's state visible. Its <c>metadata.uid</c> is set to <paramref name="uid"/> and its <c>metadata.resourceVersion</c> to the new version.
    /// Publishing what is published already changes nothing and wakes nobody.
    /// </summary>
    /// <param name="podWithStatus">With namespace and name.</param>
    /// <returns>Whether anything differed.</returns>
    public bool Publish(Pod podWithStatus, PodUid uid)
    {
        ObjectMeta metadata = podWithStatus.Metadata ?? throw new ArgumentException("a pod without metadata can't be published", nameof(podWithStatus));
        if (metadata.Namespace is not { Length: > 0 } podNamespace || metadata.Name is not { Length: > 0 } name)
            throw new ArgumentException("a pod without namespace or name can't be published", nameof(podWithStatus));
        Pod pod = podWithStatus with { ApiVersion = "v1", Kind = "Pod", Metadata = metadata with { Uid = uid.Value, ResourceVersion = null } };
        byte[] content = Content(pod);
        lock (_gate)
        {
            (string, string) key = (podNamespace, name);
            if (_byUid.TryGetValue(uid, out Published? known))
            {
                if (known.Key != key) throw new ArgumentException($"pod {podNamespace}/{name}: uid {uid} is published as {known.Key.Namespace}/{known.Key.Name}");
                if (known.Content.AsSpan().SequenceEqual(content)) return false;
            }
            _byUid[uid] = new Published(key, pod, content);
            if (!_claims.TryGetValue(key, out List<PodUid>? claims)) _claims[key] = claims = [];
            if (known is null) claims.Add(uid);
            if (claims[0] == uid) Show(pod);
            return true;
        }
    }

    /// <summary>The pod is gone from the node. Unknown uids are no error. A newer pod that waited for the name becomes visible.</summary>
    public void Remove(PodUid uid)
    {
        lock (_gate)
        {
            if (!_byUid.Remove(uid, out Published? gone)) return;
            List<PodUid> claims = _claims[gone.Key];
            bool visible = claims[0] == uid;
            claims.Remove(uid);
            if (claims.Count == 0) _claims.Remove(gone.Key);
            if (!visible) return;
            Hide(gone.Key);
            if (claims.Count > 0) Show(_byUid[claims[0]].Pod);
        }
    }

    /// <summary>The newest published state of one pod, visible or still waiting for its name; null when unknown.</summary>
    public Pod? Find(PodUid uid)
    {
        lock (_gate) return _byUid.TryGetValue(uid, out Published? known) ? known.Pod : null;
    }

    /// <summary>Changes after a version, as they happen. See <see cref="WatchLog{T}.ReadAsync"/>.</summary>
    public IAsyncEnumerable<WatchChange<Pod>> WatchAsync(long after, CancellationToken cancellationToken) => _log.ReadAsync(after, cancellationToken);

    private void Show(Pod pod)
    {
        PodSnapshot before = _current;
        long version = before.ResourceVersion + 1;
        Pod stamped = Stamp(pod, version);
        int index = PodSnapshot.IndexOf(before.Pods, pod.Metadata!.Namespace!, pod.Metadata.Name!);
        ImmutableArray<Pod> pods = index < 0 ? before.Pods.Insert(~index, stamped) : before.Pods.SetItem(index, stamped);
        WatchChange<Pod> change = index < 0
            ? new(version, WatchChangeType.Added, stamped, null)
            : new(version, WatchChangeType.Modified, stamped, before.Pods[index]);
        Commit(change, pods);
    }

    private void Hide((string Namespace, string Name) key)
    {
        PodSnapshot before = _current;
        long version = before.ResourceVersion + 1;
        int index = PodSnapshot.IndexOf(before.Pods, key.Namespace, key.Name);
        Pod last = before.Pods[index];
        Commit(new(version, WatchChangeType.Deleted, Stamp(last, version), last), before.Pods.RemoveAt(index));
    }

    // The history first: a reader that sees the new snapshot must find its version there.
    private void Commit(WatchChange<Pod> change, ImmutableArray<Pod> pods)
    {
        _log.Append(change);
        Changed?.Invoke();
        _current = new PodSnapshot(change.ResourceVersion, pods);
    }

    private static Pod Stamp(Pod pod, long version) =>
        pod with { Metadata = pod.Metadata! with { ResourceVersion = version.ToString(CultureInfo.InvariantCulture) } };

    // Records compare their lists by reference, so sameness is decided on what a client would read.
    private static byte[] Content(Pod pod) => JsonSerializer.SerializeToUtf8Bytes(pod, KubernetesJson.Wire.Pod);

    private sealed record Published((string Namespace, string Name) Key, Pod Pod, byte[] Content);
}
