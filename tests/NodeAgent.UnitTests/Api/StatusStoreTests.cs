using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class StatusStoreTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact(DisplayName = "pods are listed by namespace, then name, each stamped with the version of its last change")]
    public void Ordered()
    {
        var store = new StatusStore(TimeProvider.System);
        long start = store.Current.ResourceVersion;
        store.Publish(Pod("b", "web"), new PodUid("1"));
        store.Publish(Pod("a", "zeta"), new PodUid("2"));
        store.Publish(Pod("a", "alpha"), new PodUid("3"));
        PodSnapshot snapshot = store.Current;
        Assert.Equal(["a/alpha", "a/zeta", "b/web"], snapshot.Pods.Select(Name));
        Assert.Equal(start + 3, snapshot.ResourceVersion);
        Assert.Equal([$"{start + 3}", $"{start + 2}", $"{start + 1}"], snapshot.Pods.Select(pod => pod.Metadata!.ResourceVersion));
        Assert.Equal("3", snapshot.Find("a", "alpha")!.Metadata!.Uid);
        Assert.Null(snapshot.Find("a", "beta"));
    }

    [Fact(DisplayName = "a snapshot taken earlier does not change")]
    public void SnapshotIsImmutable()
    {
        var store = new StatusStore(TimeProvider.System);
        store.Publish(Pod("a", "web"), new PodUid("1"));
        PodSnapshot before = store.Current;
        store.Publish(Pod("a", "web", PodPhase.Running), new PodUid("1"));
        store.Remove(new PodUid("1"));
        Assert.Null(Assert.Single(before.Pods).Status!.Phase);
        Assert.Empty(store.Current.Pods);
    }

    [Fact(DisplayName = "publishing the same content again, in other list instances, is no change")]
    public void SameContentIsNoChange()
    {
        var store = new StatusStore(TimeProvider.System);
        Assert.True(store.Publish(Pod("a", "web", PodPhase.Running), new PodUid("1")));
        long version = store.Current.ResourceVersion;
        Assert.False(store.Publish(Pod("a", "web", PodPhase.Running), new PodUid("1")));
        Assert.Equal(version, store.Current.ResourceVersion);
        Assert.True(store.Publish(Pod("a", "web", PodPhase.Failed), new PodUid("1")));
    }

    [Fact(DisplayName = "a name belongs to the old pod until it is gone; then the new one appears as an addition")]
    public async Task NameIsHeld()
    {
        var store = new StatusStore(TimeProvider.System);
        long start = store.Current.ResourceVersion;
        store.Publish(Pod("a", "web", PodPhase.Running), new PodUid("old"));
        store.Publish(Pod("a", "web", PodPhase.Pending), new PodUid("new"));
        Assert.Equal("old", store.Current.Find("a", "web")!.Metadata!.Uid);
        Assert.Equal(PodPhase.Pending, store.Find(new PodUid("new"))!.Status!.Phase);
        store.Remove(new PodUid("old"));
        Assert.Equal("new", store.Current.Find("a", "web")!.Metadata!.Uid);

        List<WatchChange<Pod>> seen = await Read(store, start, 3);
        Assert.Equal([(WatchChangeType.Added, "old"), (WatchChangeType.Deleted, "old"), (WatchChangeType.Added, "new")],
            seen.Select(change => (change.Type, change.Object.Metadata!.Uid!)));
        Assert.Equal([start + 1, start + 2, start + 3], seen.Select(change => change.ResourceVersion));
    }

    [Fact(DisplayName = "removing an unknown pod, or one that waits for its name, tells no watcher")]
    public void RemoveInvisible()
    {
        var store = new StatusStore(TimeProvider.System);
        store.Publish(Pod("a", "web"), new PodUid("old"));
        store.Publish(Pod("a", "web"), new PodUid("new"));
        long version = store.Current.ResourceVersion;
        store.Remove(new PodUid("nobody"));
        store.Remove(new PodUid("new"));
        Assert.Equal(version, store.Current.ResourceVersion);
        Assert.Equal("old", store.Current.Find("a", "web")!.Metadata!.Uid);
    }

    [Fact(DisplayName = "one uid under two names is refused, naming both")]
    public void OneUidTwoNames()
    {
        var store = new StatusStore(TimeProvider.System);
        store.Publish(Pod("a", "web"), new PodUid("1"));
        ArgumentException error = Assert.Throws<ArgumentException>(() => store.Publish(Pod("a", "other"), new PodUid("1")));
        Assert.Contains("a/other", error.Message);
        Assert.Contains("a/web", error.Message);
    }

    [Theory(DisplayName = "a version outside the history is expired")]
    [InlineData(-1, "before the agent's life")]
    [InlineData(3, "pushed out of the ring")]
    [InlineData(1000, "of the future")]
    public async Task Expired(long offset, string why)
    {
        var store = new StatusStore(TimeProvider.System, history: 4);
        long start = store.Current.ResourceVersion;
        for (int i = 0; i < 8; i++) store.Publish(Pod("a", "web", null, $"step {i}"), new PodUid("1"));
        var error = await Assert.ThrowsAsync<ResourceVersionExpiredException>(() => Read(store, start + offset, 1));
        Assert.True(error.Wanted == start + offset, why);
        Assert.StartsWith("too old resource version", error.Message);
        Assert.Equal([start + 5, start + 6, start + 7, start + 8], (await Read(store, start + 4, 4)).Select(change => change.ResourceVersion));
    }

    [Fact(DisplayName = "a version of the agent's earlier life is refused, even when fewer changes have happened since than before")]
    public async Task EarlierLife()
    {
        var clock = new FixedTime(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        var first = new StatusStore(clock);
        for (int i = 0; i < 500; i++) first.Publish(Pod("a", "web", null, $"step {i}"), new PodUid("1"));
        var second = new StatusStore(new FixedTime(clock.GetUtcNow().AddSeconds(1)));
        second.Publish(Pod("a", "web"), new PodUid("1"));
        await Assert.ThrowsAsync<ResourceVersionExpiredException>(() => Read(second, first.Current.ResourceVersion, 1));
    }

    [Theory(DisplayName = "with writers at work, a watcher that lists and then watches rebuilds exactly what the store has, missing and doubling nothing")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ConcurrentWatchers(int seed)
    {
        const int Writers = 3, Steps = 400;
        var store = new StatusStore(TimeProvider.System, history: Writers * Steps * 2 + 10);
        using var started = new SemaphoreSlim(0);
        Task<Dictionary<string, string>>[] watchers = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => Mirror(store, started), Cancel))];
        for (int i = 0; i < watchers.Length; i++) await started.WaitAsync(Cancel);
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            var random = new Random(seed * 100 + writer);
            for (int i = 0; i < Steps; i++)
            {
                // Two uids share each name, across writers: the name's hand-over is part of what is tested.
                int name = random.Next(4);
                var uid = new PodUid($"{name}-{random.Next(2)}");
                if (random.Next(4) == 0) store.Remove(uid);
                else store.Publish(Pod("a", $"pod{name}", null, $"{writer}.{i}"), uid);
            }
        }, Cancel)));
        foreach (PodUid uid in Enumerable.Range(0, 8).Select(i => new PodUid($"{i / 2}-{i % 2}"))) store.Remove(uid);
        store.Publish(Pod("z", "end"), new PodUid("end"));

        foreach (Task<Dictionary<string, string>> watcher in watchers)
        {
            KeyValuePair<string, string> only = Assert.Single(await watcher);
            Assert.Equal("z/end", only.Key);
        }
    }

    // Ends with the marker; checks each step against the mirror it builds.
    private static async Task<Dictionary<string, string>> Mirror(StatusStore store, SemaphoreSlim started)
    {
        PodSnapshot snapshot = store.Current;
        var mirror = snapshot.Pods.ToDictionary(Name, pod => pod.Metadata!.Uid!, StringComparer.Ordinal);
        long version = snapshot.ResourceVersion;
        started.Release();
        await foreach (WatchChange<Pod> change in store.WatchAsync(version, Cancel))
        {
            Assert.Equal(++version, change.ResourceVersion);
            Assert.Equal(version.ToString(), change.Object.Metadata!.ResourceVersion);
            string name = Name(change.Object), uid = change.Object.Metadata.Uid!;
            switch (change.Type)
            {
                case WatchChangeType.Added:
                    Assert.True(mirror.TryAdd(name, uid), $"{name} added twice");
                    break;
                case WatchChangeType.Modified:
                    Assert.Equal(mirror[name], uid);
                    break;
                default:
                    Assert.Equal(mirror[name], uid);
                    mirror.Remove(name);
                    break;
            }
            if (name == "z/end") break;
        }
        return mirror;
    }

    internal static Pod Pod(string podNamespace, string name, string? phase = null, string? message = null) => new()
    {
        Metadata = new ObjectMeta { Namespace = podNamespace, Name = name, Labels = new Dictionary<string, string> { ["app"] = name } },
        Spec = new PodSpec { Containers = [new Container { Name = "main", Image = "busybox" }] },
        Status = new PodStatus { Phase = phase, Message = message },
    };

    private static string Name(Pod pod) => $"{pod.Metadata!.Namespace}/{pod.Metadata.Name}";

    private static async Task<List<WatchChange<Pod>>> Read(StatusStore store, long after, int count)
    {
        var seen = new List<WatchChange<Pod>>();
        await foreach (WatchChange<Pod> change in store.WatchAsync(after, Cancel))
        {
            seen.Add(change);
            if (seen.Count == count) break;
        }
        return seen;
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
