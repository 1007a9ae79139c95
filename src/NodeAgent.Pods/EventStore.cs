using System.Collections.Immutable;
using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>All kept events at one moment, those that happened last at the end.</summary>
public sealed record EventSnapshot(long ResourceVersion, ImmutableArray<Event> Events);

/// <summary>
/// What happened on this node, as core/v1 Events.
/// The same thing happening again (same object, part, type, reason and message) counts up one event instead of adding another; more than
/// <see cref="SimilarLimit"/> different messages with one reason about one object within <see cref="SimilarWindow"/> count up one combined event.
/// Bounded: a noisy pod only pushes out events of its own; when all is full the longest unchanged goes.
/// Callers: the loops record; the API reads and watches. Readers take no lock.
/// </summary>
public sealed class EventStore
{
    public const int DefaultTotal = 1000;
    public const int DefaultPerObject = 100;

    /// <summary>As in client-go's event correlator: ten different messages in ten minutes, then they are combined.</summary>
    public const int SimilarLimit = 10;
    public static readonly TimeSpan SimilarWindow = TimeSpan.FromMinutes(10);

    private const string CombinedPrefix = "(combined from similar events): ";

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly string _nodeName;
    private readonly int _total;
    private readonly int _perObject;
    private readonly WatchLog<Event> _log;
    private readonly Dictionary<EventKey, string> _names = [];
    private readonly Dictionary<SimilarKey, Similar> _similar = [];
    private long _serial;
    private volatile EventSnapshot _current;

    public EventStore(TimeProvider time, string nodeName, int total = DefaultTotal, int perObject = DefaultPerObject)
    {
        _time = time;
        _nodeName = nodeName;
        _total = total;
        _perObject = perObject;
        long start = time.GetUtcNow().ToUnixTimeMilliseconds();
        _serial = start;
        _log = new WatchLog<Event>(start, total);
        _current = new EventSnapshot(start, []);
    }

    public EventSnapshot Current => _current;

    /// <summary>Changes after a version, as they happen. See <see cref="WatchLog{T}.ReadAsync"/>.</summary>
    public IAsyncEnumerable<WatchChange<Event>> WatchAsync(long after, CancellationToken cancellationToken) => _log.ReadAsync(after, cancellationToken);

    /// <summary>Records something about a pod, or about one of its containers.</summary>
    /// <param name="type">One of <see cref="EventType"/>.</param>
    /// <param name="reason">One CamelCase word, e.g. <c>BackOff</c>.</param>
    public void Record(Pod pod, string type, string reason, string message, string? container = null)
    {
        string? fieldPath = null;
        if (container is not null)
        {
            bool init = pod.Spec?.InitContainers?.Any(candidate => candidate.Name == container) == true;
            fieldPath = $"spec.{(init ? "initContainers" : "containers")}{{{container}}}";
        }
        Record(new ObjectReference
        {
            ApiVersion = "v1",
            Kind = "Pod",
            Namespace = pod.Metadata?.Namespace,
            Name = pod.Metadata?.Name,
            Uid = pod.Metadata?.Uid,
            FieldPath = fieldPath,
        }, type, reason, message);
    }

    public void Record(ObjectReference involved, string type, string reason, string message)
    {
        DateTimeOffset now = _time.GetUtcNow();
        lock (_gate)
        {
            EventKey key = Combine(new EventKey(About.Of(involved), involved.FieldPath, type, reason, message), now);
            string shown = key.Message is null ? CombinedPrefix + message : message;
            ImmutableArray<Event> events = _current.Events;
            if (_names.TryGetValue(key, out string? name))
            {
                int index = IndexOf(events, name);
                Event before = events[index];
                Event after = before with
                {
                    Count = (before.Count ?? 1) + 1,
                    LastTimestamp = now,
                    Message = shown,
                    InvolvedObject = involved,
                };
                Commit(WatchChangeType.Modified, after, before, events.RemoveAt(index).Add);
                return;
            }
            Event added = New(involved, type, reason, shown, now);
            _names[key] = added.Metadata.Name!;
            MakeRoom(key.About);
            Commit(WatchChangeType.Added, added, null, _current.Events.Add);
        }
    }

    private Event New(ObjectReference involved, string type, string reason, string message, DateTimeOffset now) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{involved.Name}.{++_serial:x}"),
            Namespace = involved.Namespace ?? "default",
            Uid = Guid.NewGuid().ToString(),
            CreationTimestamp = now,
        },
        InvolvedObject = involved,
        Type = type,
        Reason = reason,
        Message = message,
        Count = 1,
        FirstTimestamp = now,
        LastTimestamp = now,
        Source = new EventSource { Component = "podagent", Host = _nodeName },
        ReportingComponent = "podagent",
        ReportingInstance = _nodeName,
    };

    private EventKey Combine(EventKey key, DateTimeOffset now)
    {
        var similarKey = new SimilarKey(key.About, key.FieldPath, key.Type, key.Reason);
        if (!_similar.TryGetValue(similarKey, out Similar? similar) || now - similar.Last > SimilarWindow)
            _similar[similarKey] = similar = new Similar();
        similar.Last = now;
        if (similar.Messages.Contains(key.Message!)) return key;
        if (similar.Messages.Count >= SimilarLimit) return key with { Message = null };
        similar.Messages.Add(key.Message!);
        return key;
    }

    private void MakeRoom(About about)
    {
        ImmutableArray<Event> events = _current.Events;
        int ofObject = 0, firstOfObject = -1;
        for (int i = 0; i < events.Length; i++)
        {
            if (About.Of(events[i].InvolvedObject) != about) continue;
            if (firstOfObject < 0) firstOfObject = i;
            ofObject++;
        }
        if (ofObject >= _perObject) Drop(firstOfObject);
        else if (events.Length >= _total) Drop(0);
    }

    private void Drop(int index)
    {
        Event dropped = _current.Events[index];
        foreach ((EventKey key, string name) in _names)
        {
            if (name != dropped.Metadata.Name) continue;
            _names.Remove(key);
            break;
        }
        About about = About.Of(dropped.InvolvedObject);
        ImmutableArray<Event> rest = _current.Events.RemoveAt(index);
        if (!rest.Any(kept => About.Of(kept.InvolvedObject) == about))
        {
            foreach (SimilarKey key in _similar.Keys.Where(key => key.About == about).ToArray()) _similar.Remove(key);
        }
        Commit(WatchChangeType.Deleted, dropped, dropped, _ => rest);
    }

    // The history first: a reader that sees the new snapshot must find its version there.
    private void Commit(WatchChangeType type, Event @event, Event? previous, Func<Event, ImmutableArray<Event>> next)
    {
        long version = _current.ResourceVersion + 1;
        Event stamped = @event with { Metadata = @event.Metadata with { ResourceVersion = version.ToString(CultureInfo.InvariantCulture) } };
        _log.Append(new WatchChange<Event>(version, type, stamped, previous));
        _current = new EventSnapshot(version, next(stamped));
    }

    private static int IndexOf(ImmutableArray<Event> events, string name)
    {
        for (int i = events.Length - 1; i >= 0; i--)
        {
            if (events[i].Metadata.Name == name) return i;
        }
        throw new InvalidOperationException($"event {name} has a key but is not kept");
    }

    private readonly record struct About(string? Kind, string? Namespace, string? Name, string? Uid)
    {
        public static About Of(ObjectReference reference) => new(reference.Kind, reference.Namespace, reference.Name, reference.Uid);
    }

    private sealed record EventKey(About About, string? FieldPath, string Type, string Reason, string? Message);

    private sealed record SimilarKey(About About, string? FieldPath, string Type, string Reason);

    private sealed class Similar
    {
        public HashSet<string> Messages { get; } = new(StringComparer.Ordinal);
        public DateTimeOffset Last { get; set; }
    }
}
