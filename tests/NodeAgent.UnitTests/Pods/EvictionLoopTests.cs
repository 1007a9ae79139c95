using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>The loop that keeps the node alive, with all other loops around it.</summary>
public sealed class EvictionLoopTests
{
    private const long Mi = 1 << 20;

    private static PodWorld World(EvictionSettings? settings = null)
    {
        var world = new PodWorld();
        world.Stats = new FakeNodeStats(world.Runtime, world.Images);
        world.Settings = world.Settings with { Eviction = settings ?? EvictionSettings.Default };
        Idle(world, EvictionSignal.MemoryAvailable, 1000 * Mi);
        return world;
    }

    private static void Idle(PodWorld world, EvictionSignal signal, long amount) => world.Stats!.Idle[signal] = new SignalReading(amount, amount);

    private static void Memory(PodWorld world, string pod, long mebibytes) => world.Stats!.Uses(pod, new FakeNodeStats.PodUse(Memory: mebibytes * Mi));

    private static string? Node(PodWorld world, string condition) => world.Loops.Conditions.Show().Single(c => c.Type == condition).Status;

    [Fact]
    public void The_pod_farthest_beyond_its_request_goes_and_only_it()
    {
        using var world = World().Start();
        world.Put("small.yaml", PodWorld.Manifest("small"));
        world.Put("hog.yaml", PodWorld.Manifest("hog", ["main: ignore-term"], grace: 30));
        Memory(world, "small", 100);
        Memory(world, "hog", 850);
        world.PassSeconds(10);

        Assert.False(world.IsRunning("hog"));
        Assert.True(world.IsRunning("small"));
        PodStatus status = world.Status("hog");
        Assert.Equal((PodPhase.Failed, "Evicted"), (status.Phase, status.Reason));
        Assert.Equal(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container main was using 850Mi, request is 0, has larger consumption of memory. ",
            status.Message);
        PodCondition target = status.Conditions!.Single(c => c.Type == PodConditionType.DisruptionTarget);
        Assert.Equal((ConditionStatus.True, "TerminationByKubelet", status.Message), (target.Status, target.Reason, target.Message));
        Assert.Contains("Evicted", world.ReasonsOf("hog"));
        Assert.Contains(world.Stores.Events.Current.Events, e => e is { Reason: "EvictionThresholdMet", Message: "Attempting to reclaim memory" });
        Assert.Equal(ConditionStatus.True, Node(world, NodeConditionType.MemoryPressure));
        world.PassSeconds(301);
        Assert.Equal(ConditionStatus.False, Node(world, NodeConditionType.MemoryPressure));
        Assert.False(world.IsRunning("hog"));
    }

    [Fact]
    public void Pods_go_one_by_one_until_there_is_enough()
    {
        using var world = World().Start();
        foreach (string name in (string[])["a", "b", "c"])
        {
            world.Put(name + ".yaml", PodWorld.Manifest(name));
            Memory(world, name, 400);
        }

        world.PassSeconds(10);
        Assert.Equal(["False", "True", "True"], new[] { "a", "b", "c" }.Select(name => world.IsRunning(name).ToString()));
    }

    [Fact]
    public void What_the_kernel_reports_is_looked_at_before_the_period_is_over()
    {
        using var world = World().Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog"));
        world.PassSeconds(3);
        Memory(world, "hog", 950);
        world.PassSeconds(1);
        Assert.True(world.IsRunning("hog"));
        world.Do(world.Loops.PressureSeen);
        Assert.False(world.IsRunning("hog"));
    }

    [Fact]
    public void A_pod_that_has_been_evicted_comes_back_with_a_changed_manifest_and_not_before()
    {
        using var world = World().Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog"));
        Memory(world, "hog", 950);
        world.PassSeconds(10);
        world.StopAgent();
        world.Start();
        world.PassSeconds(400);
        Assert.Equal((PodPhase.Failed, "Evicted"), (world.Status("hog").Phase, world.Status("hog").Reason));
        Assert.Contains(world.Status("hog").Conditions!, c => c is { Type: PodConditionType.DisruptionTarget, Status: ConditionStatus.True });

        Memory(world, "hog", 10);
        world.Put("hog.yaml", PodWorld.Manifest("hog", ["main", "more"]));
        Assert.True(world.IsRunning("hog", "more"));
    }

    [Fact]
    public void Critical_pods_stay_and_when_there_is_nobody_else_it_is_told()
    {
        using var world = World().Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog").Replace("spec:", "spec:\n  priorityClassName: system-node-critical", StringComparison.Ordinal));
        Memory(world, "hog", 950);
        world.PassSeconds(30);
        Assert.True(world.IsRunning("hog"));
        Assert.Contains(world.Log.Warnings, line => line.Contains("no pod that may be evicted", StringComparison.Ordinal));
    }

    [Fact]
    public void Under_memory_pressure_who_asks_for_nothing_is_refused_and_who_has_a_request_starts()
    {
        using var world = World().Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog"));
        Memory(world, "hog", 950);
        world.PassSeconds(10);
        world.Put("best.yaml", PodWorld.Manifest("best"));
        world.Put("asks.yaml", PodWorld.Manifest("asks") + "    resources: {requests: {memory: 10Mi}}\n");

        Assert.Equal((PodPhase.Failed, "Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. "),
            (world.Status("best").Phase, world.Status("best").Reason, world.Status("best").Message));
        Assert.True(world.IsRunning("asks"));
    }

    [Fact]
    public void Unused_images_and_what_dead_containers_wrote_go_before_any_pod_does()
    {
        using var world = World();
        Idle(world, EvictionSignal.NodeFsAvailable, 1000 * Mi);
        world.Images.Load("old:1");
        world.Start();
        world.PassSeconds(300);
        world.Stats!.Reclaimed = () => world.Images.Has("old:1") ? 0 : 200 * Mi;
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Stats.Uses("web", new FakeNodeStats.PodUse(RootFs: new DiskUsage(950 * Mi, 1)));
        world.PassSeconds(10);

        Assert.True(world.IsRunning("web"));
        Assert.False(world.Images.Has("old:1"));
        Assert.True(world.Images.Has(PodWorld.Image));
        Assert.Equal(ConditionStatus.True, Node(world, NodeConditionType.DiskPressure));
    }

    [Fact]
    public void When_that_is_not_enough_the_pod_with_most_on_disk_goes()
    {
        using var world = World();
        Idle(world, EvictionSignal.ImageFsAvailable, 1000 * Mi);
        world.Start();
        world.Put("a.yaml", PodWorld.Manifest("a"));
        world.Put("b.yaml", PodWorld.Manifest("b"));
        world.Stats!.Uses("a", new FakeNodeStats.PodUse(Logs: new DiskUsage(300 * Mi, 1)));
        world.Stats.Uses("b", new FakeNodeStats.PodUse(Volumes: new Dictionary<string, DiskUsage> { ["v"] = new(600 * Mi, 1) }));
        world.PassSeconds(10);

        Assert.False(world.IsRunning("b"));
        Assert.True(world.IsRunning("a"));
        Assert.StartsWith("The node was low on resource: ephemeral-storage. Threshold quantity: 150Mi, available: 100Mi. ", world.Status("b").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root file system")]
    [InlineData("volume")]
    public void What_an_evicted_pod_wrote_is_freed_before_another_has_to_go(string where)
    {
        using var world = World();
        Idle(world, EvictionSignal.NodeFsAvailable, 1000 * Mi);
        world.Start();
        world.Put("modest.yaml", PodWorld.Manifest("modest"));
        world.Put("hog.yaml", PodWorld.Manifest("hog"));
        var written = new DiskUsage(950 * Mi, 1);
        world.Stats!.Uses("hog", where == "volume"
            ? new FakeNodeStats.PodUse(Volumes: new Dictionary<string, DiskUsage> { ["v"] = written })
            : new FakeNodeStats.PodUse(RootFs: written));
        world.PassSeconds(60);

        Assert.Equal("Evicted", world.Status("hog").Reason);
        Assert.True(world.IsRunning("modest"));
        Assert.Equal(0, world.Container("modest").RestartCount);
    }

    [Fact]
    public void That_nobody_may_be_evicted_is_told_once_and_again_when_it_comes_back()
    {
        using var world = World().Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog").Replace("spec:", "spec:\n  priorityClassName: system-node-critical", StringComparison.Ordinal));
        Memory(world, "hog", 950);
        world.PassSeconds(100);
        Memory(world, "hog", 10);
        world.PassSeconds(400);
        Memory(world, "hog", 950);
        world.PassSeconds(100);
        Assert.Equal(2, world.Log.Warnings.Count(line => line.Contains("no pod that may be evicted", StringComparison.Ordinal)));
    }

    [Fact]
    public void Too_few_process_numbers_evict_the_pod_with_most_processes()
    {
        using var world = World(EvictionSettings.Of(new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.PidAvailable] = ThresholdValue.OfPercent(10) }));
        Idle(world, EvictionSignal.PidAvailable, 1000);
        world.Start();
        world.Put("a.yaml", PodWorld.Manifest("a"));
        world.Put("bomb.yaml", PodWorld.Manifest("bomb"));
        world.Stats!.Uses("a", new FakeNodeStats.PodUse(Processes: 10));
        world.Stats.Uses("bomb", new FakeNodeStats.PodUse(Processes: 950));
        world.PassSeconds(10);

        Assert.False(world.IsRunning("bomb"));
        Assert.True(world.IsRunning("a"));
        Assert.StartsWith("The node was low on resource: pids. Threshold quantity: 100, available: 40. ", world.Status("bomb").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_volume_beyond_its_limit_evicts_its_pod_and_nobody_is_measured_without_limits()
    {
        using var world = World().Start();
        world.Put("plain.yaml", PodWorld.Manifest("plain"));
        world.PassSeconds(30);
        Assert.Equal(0, world.Stats!.DiskWalks);
        world.Put("limited.yaml", PodWorld.Manifest("limited") + "  volumes: [{name: data, emptyDir: {sizeLimit: 1Mi}}]\n");
        world.Stats.Uses("limited", new FakeNodeStats.PodUse(Volumes: new Dictionary<string, DiskUsage> { ["data"] = new(Mi, 1) }));
        world.PassSeconds(20);
        Assert.True(world.IsRunning("limited"));
        world.Stats.Uses("limited", new FakeNodeStats.PodUse(Volumes: new Dictionary<string, DiskUsage> { ["data"] = new(Mi + 1, 1) }));
        world.PassSeconds(10);

        Assert.False(world.IsRunning("limited"));
        Assert.Equal(("Evicted", "Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". "), (world.Status("limited").Reason, world.Status("limited").Message));
        Assert.DoesNotContain(world.Status("limited").Conditions!, c => c.Type == PodConditionType.DisruptionTarget);
        Assert.True(world.IsRunning("plain"));
    }

    [Fact]
    public void Stalls_that_mean_nothing_do_not_make_the_walks_over_folders_more_frequent()
    {
        using var world = World().Start();
        world.Put("limited.yaml", PodWorld.Manifest("limited") + "  volumes: [{name: data, emptyDir: {sizeLimit: 1Mi}}]\n");
        world.PassSeconds(11);
        int before = world.Stats!.DiskWalks;
        for (int i = 0; i < 20; i++)
            world.Do(world.Loops.PressureSeen);
        Assert.Equal(before, world.Stats.DiskWalks);
    }

    [Fact]
    public void A_soft_threshold_evicts_after_its_grace_with_the_node_s_grace()
    {
        using var world = World(EvictionSettings.Of(
            new Dictionary<EvictionSignal, ThresholdValue>(),
            new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.MemoryAvailable] = ThresholdValue.OfPercent(20) },
            new Dictionary<EvictionSignal, TimeSpan> { [EvictionSignal.MemoryAvailable] = TimeSpan.FromSeconds(25) }) with
        { MaxPodGracePeriod = TimeSpan.FromSeconds(8) }).Start();
        world.Put("hog.yaml", PodWorld.Manifest("hog", ["main: ignore-term"], grace: 100));
        Memory(world, "hog", 900);
        world.PassSeconds(10);
        world.PassSeconds(24);
        Assert.Equal(PodPhase.Running, world.Status("hog").Phase);
        world.PassSeconds(2);
        Assert.Contains(world.Status("hog").Conditions!, c => c is { Type: PodConditionType.Ready, Reason: "PodFailed" });
        Assert.True(world.IsRunning("hog"));
        world.PassSeconds(8);
        Assert.False(world.IsRunning("hog"));
        Assert.Equal("Evicted", world.Status("hog").Reason);
    }
}
