using NodeAgent.Core.Model;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class EventStoreTests
{
    private readonly SteppingTime _time = new();

    [Fact(DisplayName = "an event names the pod, the container's path, the node, and when")]
    public void Fields()
    {
        var store = new EventStore(_time, "node1");
        store.Record(Pod("web", "u1"), EventType.Warning, "BackOff", "back-off 10s", container: "setup");
        Event seen = Assert.Single(store.Current.Events);
        Assert.Equal(("Pod", "a", "web", "u1", "spec.initContainers{setup}"),
            (seen.InvolvedObject.Kind, seen.InvolvedObject.Namespace, seen.InvolvedObject.Name, seen.InvolvedObject.Uid, seen.InvolvedObject.FieldPath));
        Assert.Equal(("Warning", "BackOff", "back-off 10s", 1), (seen.Type, seen.Reason, seen.Message, seen.Count));
        Assert.Equal(("podagent", "node1"), (seen.Source!.Component, seen.Source.Host));
        Assert.Equal("a", seen.Metadata.Namespace);
        Assert.StartsWith("web.", seen.Metadata.Name);
        Assert.Equal(_time.GetUtcNow(), seen.FirstTimestamp);
    }

    [Fact(DisplayName = "the same thing again counts up the first event and moves it to the end")]
    public void Counts()
    {
        var store = new EventStore(_time, "node1");
        store.Record(Pod("web", "u1"), EventType.Normal, "Started", "started main", "main");
        DateTimeOffset first = _time.GetUtcNow();
        store.Record(Pod("db", "u2"), EventType.Normal, "Started", "started main", "main");
        _time.Advance(TimeSpan.FromSeconds(90));
        store.Record(Pod("web", "u1"), EventType.Normal, "Started", "started main", "main");
        Assert.Equal(["db", "web"], store.Current.Events.Select(e => e.InvolvedObject.Name));
        Event counted = store.Current.Events[1];
        Assert.Equal((2, first, first.AddSeconds(90)), (counted.Count, counted.FirstTimestamp, counted.LastTimestamp));
    }

    [Fact(DisplayName = "another message, container or pod incarnation is another event")]
    public void Distinct()
    {
        var store = new EventStore(_time, "node1");
        store.Record(Pod("web", "u1"), EventType.Normal, "Started", "one", "main");
        store.Record(Pod("web", "u1"), EventType.Normal, "Started", "two", "main");
        store.Record(Pod("web", "u1"), EventType.Normal, "Started", "one", "setup");
        store.Record(Pod("web", "u2"), EventType.Normal, "Started", "one", "main");
        Assert.Equal(4, store.Current.Events.Length);
        Assert.Equal(4, store.Current.Events.Select(e => e.Metadata.Name).Distinct().Count());
    }

    [Fact(DisplayName = "the eleventh different message with one reason within ten minutes goes into a combined event; after a quiet while it does not")]
    public void Combines()
    {
        var store = new EventStore(_time, "node1");
        for (int i = 0; i < 13; i++) store.Record(Pod("web", "u1"), EventType.Warning, "FailedMount", $"attempt {i}");
        Assert.Equal(11, store.Current.Events.Length);
        Event combined = store.Current.Events[^1];
        Assert.Equal(("(combined from similar events): attempt 12", 3), (combined.Message, combined.Count));
        _time.Advance(EventStore.SimilarWindow + TimeSpan.FromSeconds(1));
        store.Record(Pod("web", "u1"), EventType.Warning, "FailedMount", "attempt 99");
        Assert.Equal("attempt 99", store.Current.Events[^1].Message);
    }

    [Fact(DisplayName = "a noisy pod pushes out only its own events")]
    public void PerObject()
    {
        var store = new EventStore(_time, "node1", total: 100, perObject: 5);
        store.Record(Pod("quiet", "u0"), EventType.Normal, "Started", "once");
        for (int i = 0; i < 50; i++) store.Record(Pod("noisy", "u1"), EventType.Normal, $"Reason{i}", "x");
        Assert.Equal(6, store.Current.Events.Length);
        Assert.Equal(["Started", "Reason45", "Reason46", "Reason47", "Reason48", "Reason49"], store.Current.Events.Select(e => e.Reason));
    }

    [Fact(DisplayName = "a full store drops what has not happened for longest, and watchers are told")]
    public async Task Total()
    {
        var store = new EventStore(_time, "node1", total: 3, perObject: 10);
        for (int i = 0; i < 3; i++) store.Record(Pod($"p{i}", $"u{i}"), EventType.Normal, "Started", "x");
        store.Record(Pod("p0", "u0"), EventType.Normal, "Started", "x");
        long version = store.Current.ResourceVersion;
        store.Record(Pod("p3", "u3"), EventType.Normal, "Started", "x");
        Assert.Equal(["p2", "p0", "p3"], store.Current.Events.Select(e => e.InvolvedObject.Name));
        var seen = new List<(WatchChangeType, string?)>();
        await foreach (WatchChange<Event> change in store.WatchAsync(version, TestContext.Current.CancellationToken))
        {
            seen.Add((change.Type, change.Object.InvolvedObject.Name));
            if (seen.Count == 2) break;
        }
        Assert.Equal([(WatchChangeType.Deleted, "p1"), (WatchChangeType.Added, "p3")], seen);
        store.Record(Pod("p1", "u1"), EventType.Normal, "Started", "x");
        Assert.Equal(1, store.Current.Events[^1].Count);
    }

    [Fact(DisplayName = "a manifest's faults are replaced as a whole, keep their time while they stay the same, and go when it is fine")]
    public void Manifests()
    {
        var errors = new ManifestErrors(_time);
        DateTimeOffset first = _time.GetUtcNow();
        Assert.False(errors.Set("/m/a.yaml", []));
        Assert.True(errors.Set("/m/b.yaml", [new ManifestFault(3, 1, "spec", "expected a mapping")]));
        Assert.True(errors.Set("/m/a.yaml", [new ManifestFault(1, 1, null, "empty")]));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(errors.Set("/m/b.yaml", [new ManifestFault(3, 1, "spec", "expected a mapping")]));
        Assert.Equal([("/m/a.yaml", first), ("/m/b.yaml", first)], errors.Current.Select(e => (e.File, e.Since)));
        Assert.True(errors.Set("/m/b.yaml", [new ManifestFault(4, 1, "spec", "expected a mapping")]));
        Assert.Equal(first.AddSeconds(5), errors.Current[1].Since);
        Assert.True(errors.Set("/m/b.yaml", []));
        Assert.Equal(["/m/a.yaml"], errors.Current.Select(e => e.File));
    }

    private static Pod Pod(string name, string uid) => new()
    {
        Metadata = new ObjectMeta { Namespace = "a", Name = name, Uid = uid },
        Spec = new PodSpec { InitContainers = [new Container { Name = "setup" }], Containers = [new Container { Name = "main" }] },
    };

    private sealed class SteppingTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

        public void Advance(TimeSpan by) => _now += by;
        public override DateTimeOffset GetUtcNow() => _now;
    }
}
