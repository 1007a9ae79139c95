using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>A manifest whose only change is cpu or memory, all loops together.</summary>
public sealed class ResizeTests
{
    private static readonly NodeResources Node = new(4000, 4L << 30, 1 << 30, 10);

    [Fact]
    public void The_pod_keeps_its_uid_and_its_processes_and_counts_no_restart()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "500m", "64Mi", "main", "side"));
        (string? uid, int pid) = (world.Shown("web")!.Metadata!.Uid, world.Runtime.Run("web", "main")!.Pid);
        world.Runtime.ForgetCalls();
        world.Put("web.yaml", Manifest("web", "1", "32Mi", "main", "side"));

        Assert.Equal(
            ["UpdatePodSandboxResources web", "UpdateContainerResources web/main", "UpdateContainerResources web/side", "UpdatePodSandboxResources web"],
            world.Runtime.Changes());
        Assert.Equal((uid, pid), (world.Shown("web")!.Metadata!.Uid, world.Runtime.Run("web", "main")!.Pid));
        var status = world.Container("web");
        Assert.Equal((0, "1", "32Mi", "1"), (status.RestartCount, status.Resources!.Limits!["cpu"].ToString(), status.Resources.Limits["memory"].ToString(), status.AllocatedResources!["cpu"].ToString()));
        Assert.Equal((2, 2), (world.Shown("web")!.Metadata!.Generation, world.Status("web").ObservedGeneration));
        Assert.Empty(Resizes(world));
        Assert.Equal(["ResizeStarted", "ResizeCompleted"], ResizeEvents(world).Select(e => e.Reason));
        Assert.Equal(
            "Pod resize completed: {\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"32Mi\"},\"requests\":{\"cpu\":\"1\",\"memory\":\"32Mi\"}}},"
            + "{\"name\":\"side\",\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"32Mi\"},\"requests\":{\"cpu\":\"1\",\"memory\":\"32Mi\"}}}],\"generation\":2}",
            ResizeEvents(world).Last().Message);
    }

    [Fact]
    public void A_change_that_is_not_of_resources_alone_makes_another_pod()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "500m", "64Mi"));
        string? uid = world.Shown("web")!.Metadata!.Uid;
        world.Put("web.yaml", Manifest("web", "1", "64Mi", "main: ignore-term"));
        Assert.NotEqual(uid, world.Shown("web")!.Metadata!.Uid);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void Another_quality_of_service_class_makes_another_pod()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "500m", "64Mi"));
        string? uid = world.Shown("web")!.Metadata!.Uid;
        world.Put("web.yaml", PodWorld.Manifest("web", each: "resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 100m}}"));
        Assert.NotEqual(uid, world.Shown("web")!.Metadata!.Uid);
        Assert.Equal(PodQosClass.Burstable, world.Status("web").QosClass);
    }

    [Fact]
    public void A_resize_that_has_no_room_waits_and_is_made_when_room_appears()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Put("db.yaml", Manifest("db", "2", "64Mi"));
        world.Put("web.yaml", Manifest("web", "3", "64Mi"));

        Assert.Equal(["PodResizePending Deferred Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"], Resizes(world));
        Assert.Equal("3", world.Shown("web")!.Spec!.Containers![0].Resources!.Limits!["cpu"].ToString());
        Assert.Equal("1", world.Container("web").Resources!.Limits!["cpu"].ToString());
        Assert.Equal("1", world.Container("web").AllocatedResources!["cpu"].ToString());

        world.Remove("db.yaml");
        Assert.Empty(Resizes(world));
        Assert.Equal("3", world.Container("web").Resources!.Limits!["cpu"].ToString());
        Assert.Equal(["ResizeDeferred", "ResizeStarted", "ResizeCompleted"], ResizeEvents(world).Select(e => e.Reason));
        Assert.Equal(0, world.Container("web").RestartCount);
    }

    [Fact]
    public void Room_that_another_pods_resize_gives_back_is_used_at_once()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Put("db.yaml", Manifest("db", "3", "64Mi"));
        world.Put("web.yaml", Manifest("web", "3", "64Mi"));
        Assert.Single(Resizes(world));
        world.Put("db.yaml", Manifest("db", "500m", "64Mi"));
        Assert.Equal("3", world.Container("web").Resources!.Limits!["cpu"].ToString());
    }

    [Fact]
    public void A_resize_beyond_the_node_is_infeasible_and_taken_back_leaves_no_trace()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Runtime.ForgetCalls();
        world.Put("web.yaml", Manifest("web", "5", "64Mi"));
        Assert.Equal(["PodResizePending Infeasible Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"], Resizes(world));
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));

        Assert.Empty(Resizes(world));
        Assert.Empty(world.Runtime.Changes());
        Assert.Equal(["ResizeInfeasible"], ResizeEvents(world).Select(e => e.Reason));
        Assert.Equal(3, world.Shown("web")!.Metadata!.Generation);
    }

    [Fact]
    public void A_container_that_fails_while_its_resize_waits_restarts_with_what_it_was_given()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Put("web.yaml", Manifest("web", "5", "64Mi"));
        world.ExitNow("web", "main", 1);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(Quantity.Parse("1"), world.Runtime.Run("web", "main")!.Resources!.Limits!["cpu"]);
    }

    [Fact]
    public void A_memory_limit_below_the_use_is_an_error_until_the_use_falls()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Do(() => world.Runtime.UseMemory("web", "main", 50 << 20));
        world.Put("web.yaml", Manifest("web", "1", "32Mi"));
        Assert.StartsWith("PodResizeInProgress Error container web/main: a memory limit of 33554432 bytes is below", Assert.Single(Resizes(world)), StringComparison.Ordinal);
        Assert.Equal("64Mi", world.Container("web").Resources!.Limits!["memory"].ToString());
        world.PassSeconds(60);
        Assert.Single(Resizes(world));
        Assert.Equal(1, Assert.Single(ResizeEvents(world), e => e.Reason == "ResizeError").Count);

        world.Do(() => world.Runtime.UseMemory("web", "main", 10 << 20));
        world.PassSeconds(10);
        Assert.Empty(Resizes(world));
        Assert.Equal(("32Mi", 0), (world.Container("web").Resources!.Limits!["memory"].ToString(), world.Container("web").RestartCount));
        Assert.Equal("ResizeCompleted", ResizeEvents(world).Last().Reason);
    }

    [Fact]
    public void A_container_whose_policy_asks_for_it_restarts_alone_and_counts_a_restart()
    {
        const string Policy = "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]";
        string Make(string memory) => PodWorld.Manifest("web", ["main", "side"], each: Policy).Replace(
            "  - name: main", $"  - name: main\n    resources: {{limits: {{memory: {memory}}}}}", StringComparison.Ordinal);

        using var world = World();
        world.Put("web.yaml", Make("64Mi"));
        int pid = world.Runtime.Run("web", "side")!.Pid;
        world.Put("web.yaml", Make("128Mi"));
        Assert.True(world.IsRunning("web"));
        Assert.Equal((1, 0), (world.Container("web").RestartCount, world.Container("web", "side").RestartCount));
        Assert.Equal(pid, world.Runtime.Run("web", "side")!.Pid);
        Assert.Equal("128Mi", world.Container("web").Resources!.Limits!["memory"].ToString());
        Assert.Equal(["ResizeStarted", "ResizeCompleted"], ResizeEvents(world).Select(e => e.Reason));
    }

    [Theory]
    [InlineData(RuntimeVerb.UpdatePodSandboxResources, "web")]
    [InlineData(RuntimeVerb.UpdateContainerResources, "web/main")]
    [InlineData(RuntimeVerb.UpdateContainerResources, "web/side")]
    public void An_agent_that_ends_in_the_middle_of_a_resize_finishes_it_when_it_is_back(RuntimeVerb verb, string target)
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "500m", "64Mi", "main", "side"));
        int pid = world.Runtime.Run("web", "main")!.Pid;
        var hold = world.Runtime.Hold(verb, target);
        world.Put("web.yaml", Manifest("web", "1", "32Mi", "main", "side"));
        world.StopAgent();
        world.Runtime.HealFaults();
        world.Do(hold.SetResult);
        world.Start();

        Assert.Equal("1/32Mi", Limits(world.Runtime.Run("web", "main")!.Resources));
        Assert.Equal("1/32Mi", Limits(world.Runtime.Run("web", "side")!.Resources));
        Assert.Equal("1/32Mi", Limits(world.Runtime.Snapshot()[0].Pod.Spec!.Containers![0].Resources));
        Assert.Equal((pid, 0), (world.Runtime.Run("web", "main")!.Pid, world.Container("web").RestartCount));
        Assert.Empty(Resizes(world));
    }

    [Fact]
    public void A_resize_while_the_agent_was_away_is_made_in_place()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "500m", "64Mi"));
        int pid = world.Runtime.Run("web", "main")!.Pid;
        world.StopAgent();
        world.Folder.Put("web.yaml", Manifest("web", "1", "64Mi"));
        world.Start();
        Assert.Equal((pid, "1/64Mi"), (world.Runtime.Run("web", "main")!.Pid, Limits(world.Runtime.Run("web", "main")!.Resources)));
        Assert.Equal(2, world.Shown("web")!.Metadata!.Generation);
    }

    [Fact]
    public void A_pod_that_was_refused_for_its_request_starts_when_the_request_fits()
    {
        using var world = World();
        world.Put("web.yaml", Manifest("web", "5", "64Mi"));
        Assert.Equal("OutOfcpu", world.Status("web").Reason);
        world.Put("web.yaml", Manifest("web", "1", "64Mi"));
        Assert.True(world.IsRunning("web"));
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
    }

    [Fact]
    public void A_pod_that_has_failed_for_good_runs_again_when_its_limit_is_raised()
    {
        using var world = World();
        string Make(string memory) => PodWorld.Manifest("job", ["main: exit 137 1"], restart: "Never", each: $"resources: {{limits: {{memory: {memory}}}}}");
        world.Put("job.yaml", Make("64Mi"));
        world.PassSeconds(2);
        Assert.Equal(PodPhase.Failed, world.Status("job").Phase);
        world.Put("job.yaml", Make("128Mi"));
        Assert.True(world.IsRunning("job"));
    }

    private static PodWorld World() => new PodWorld { Settings = new PodLoopsSettings { Allocatable = Node } }.Start();

    private static string Manifest(string name, string cpu, string memory, params string[] containers) =>
        PodWorld.Manifest(name, containers.Length > 0 ? containers : null, each: $"resources: {{limits: {{cpu: {cpu}, memory: {memory}}}}}");

    private static IEnumerable<string> Resizes(PodWorld world) => world.Status("web").Conditions!
        .Where(c => c.Type.StartsWith("PodResize", StringComparison.Ordinal)).Select(c => $"{c.Type} {c.Reason} {c.Message}");

    private static IEnumerable<Event> ResizeEvents(PodWorld world) => world.EventsOf("web").Where(e => e.Reason!.StartsWith("Resize", StringComparison.Ordinal));

    private static string Limits(ResourceRequirements? resources) => $"{resources!.Limits!["cpu"]}/{resources.Limits["memory"]}";
}
