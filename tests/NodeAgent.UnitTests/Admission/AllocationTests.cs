using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Admission;

/// <summary>Admission by the loops: who gets in, who stays, what a refused pod shows.</summary>
public sealed class AllocationTests
{
    private static readonly NodeResources TwoCores = new(2000, 1 << 30, 1 << 30, 4);

    [Fact]
    public void A_pod_that_does_not_fit_has_failed_and_nothing_of_it_is_made()
    {
        using var world = World(TwoCores);
        world.Put("a.yaml", Manifest("first", "1900m"));
        world.Put("b.yaml", Manifest("second", "2"));

        var status = world.Status("second");
        Assert.Equal((PodPhase.Failed, "OutOfcpu"), (status.Phase, status.Reason));
        Assert.Equal("Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 1900, capacity: 2000", status.Message);
        Assert.Null(status.ContainerStatuses);
        var refusal = Assert.Single(world.EventsOf("second"));
        Assert.Equal(
            ("Warning", "OutOfcpu", "Node didn't have enough resource: cpu, requested: 2000, used: 1900, capacity: 2000"), (refusal.Type, refusal.Reason, refusal.Message));
        Assert.DoesNotContain(world.Runtime.Changes(), call => call.EndsWith(" second", StringComparison.Ordinal));
        Assert.True(world.IsRunning("first"));
    }

    [Fact]
    public void A_refused_pod_stays_failed_when_room_appears_and_runs_when_its_manifest_changes()
    {
        using var world = World(TwoCores);
        world.Put("a.yaml", Manifest("first", "1900m"));
        world.Put("b.yaml", Manifest("second", "200m"));
        world.Remove("a.yaml");
        world.PassSeconds(600);
        Assert.Equal(PodPhase.Failed, world.Status("second").Phase);

        world.Put("b.yaml", Manifest("second", "200m", grace: 7));
        Assert.True(world.IsRunning("second"));
    }

    [Fact]
    public void A_pod_of_too_many_is_refused_and_a_place_is_free_when_one_goes()
    {
        using var world = World(TwoCores);
        for (int i = 0; i < 5; i++)
            world.Put($"p{i}.yaml", Manifest($"p{i}", "0"));
        Assert.Equal(("OutOfpods", "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 4, capacity: 4"),
            (world.Status("p4").Reason, world.Status("p4").Message));
        world.Remove("p0.yaml");
        world.Put("p9.yaml", Manifest("p9", "0"));
        Assert.True(world.IsRunning("p9"));
    }

    [Fact]
    public void A_pod_that_has_finished_takes_no_room_although_it_is_still_shown()
    {
        using var world = World(TwoCores);
        world.Put("job.yaml", Manifest("job", "2", command: "exit 0", restart: "Never"));
        world.PassSeconds(1);
        Assert.Equal(PodPhase.Succeeded, world.Status("job").Phase);
        world.Put("web.yaml", Manifest("web", "2"));
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_pod_that_ends_keeps_its_room_until_it_is_gone_and_its_successor_gets_it()
    {
        using var world = World(TwoCores);
        world.Put("a.yaml", Manifest("web", "2", command: "slow-term 3"));
        world.Put("a.yaml", Manifest("web", "2", grace: 9));
        world.Put("b.yaml", Manifest("other", "1"));
        Assert.Equal("OutOfcpu", world.Status("other").Reason);
        world.PassSeconds(3);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
    }

    [Fact]
    public void After_a_restart_of_the_agent_what_runs_stays_and_only_the_rest_is_asked()
    {
        using var world = World(TwoCores);
        world.Put("b.yaml", Manifest("second", "1500m"));
        world.StopAgent();
        world.Folder.Put("a.yaml", Manifest("first", "1500m"));
        world.Start();
        Assert.True(world.IsRunning("second"));
        Assert.Equal("OutOfcpu", world.Status("first").Reason);
    }

    [Fact]
    public void A_refused_pod_stays_failed_over_a_restart_of_the_agent_and_takes_no_room_from_those_that_are_new()
    {
        using var world = World(TwoCores);
        world.Put("b.yaml", Manifest("first", "1900m"));
        world.Put("a.yaml", Manifest("second", "2"));
        world.Remove("b.yaml");
        world.StopAgent();
        world.Folder.Put("c.yaml", Manifest("third", "2"));
        world.Start();
        Assert.Equal((PodPhase.Failed, "OutOfcpu"), (world.Status("second").Phase, world.Status("second").Reason));
        Assert.True(world.IsRunning("third"));
    }

    [Fact]
    public void A_refused_pod_whose_request_was_lowered_while_the_agent_was_away_starts()
    {
        using var world = World(TwoCores);
        world.Put("b.yaml", Manifest("first", "1900m"));
        world.Put("a.yaml", Manifest("second", "2"));
        world.StopAgent();
        world.Folder.Put("a.yaml", Manifest("second", "100m"));
        world.Start();
        Assert.True(world.IsRunning("second"));
        Assert.Equal(PodPhase.Running, world.Status("second").Phase);
    }

    [Fact]
    public void A_node_that_has_become_smaller_ends_nothing_that_runs()
    {
        using var world = World(TwoCores);
        world.Put("a.yaml", Manifest("first", "1"));
        world.Put("b.yaml", Manifest("second", "1"));
        world.StopAgent();
        world.Settings = world.Settings with { Allocatable = TwoCores with { MilliCpu = 500 } };
        world.Start();
        world.Put("c.yaml", Manifest("third", "100m"));
        world.Put("d.yaml", Manifest("fourth", "0"));
        Assert.True(world.IsRunning("first") && world.IsRunning("second") && world.IsRunning("fourth"));
        Assert.Equal("Pod was rejected: Node didn't have enough resource: cpu, requested: 100, used: 2000, capacity: 500", world.Status("third").Message);
    }

    [Fact]
    public void After_a_reboot_the_more_important_pod_and_then_the_first_file_is_admitted()
    {
        using var world = new PodWorld { Settings = new PodLoopsSettings { Allocatable = TwoCores } };
        world.Folder.Put("a.yaml", Manifest("first", "900m"));
        world.Folder.Put("b.yaml", Manifest("second", "900m"));
        world.Folder.Put("c.yaml", Manifest("third", "900m").Replace("spec:", "spec:\n  priorityClassName: system-node-critical", StringComparison.Ordinal));
        world.Start();
        Assert.True(world.IsRunning("first") && world.IsRunning("third"));
        Assert.Equal("OutOfcpu", world.Status("second").Reason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void In_every_sequence_what_is_admitted_fits_and_what_is_refused_would_not_have(int seed)
    {
        Random random = new(seed);
        int admitted = 0, refused = 0;
        for (int round = 0; round < 60; round++)
        {
            NodeResources node = new(random.Next(500, 4000), random.Next(100, 1000), 0, random.Next(2, 8));
            PodAllocations book = new(node);
            Dictionary<PodUid, (long Cpu, long Memory)> model = [];
            for (int step = 0; step < 60; step++)
            {
                PodUid uid = new("p" + random.Next(12));
                (long cpu, long memory) = (random.Next(3) == 0 ? 0 : random.Next(1500), random.Next(3) == 0 ? 0 : random.Next(400));
                Pod pod = PodBuilder.Named(uid.Value).Main("c", c => c.Asks($"{cpu}m", $"{memory}")).Build();
                switch (random.Next(4))
                {
                    case 0:
                        book.Release(uid);
                        model.Remove(uid);
                        break;
                    case 1 when random.Next(5) == 0:
                        book.Adopt(uid, pod);
                        model[uid] = (cpu, memory);
                        break;
                    default:
                        model.Remove(uid);
                        bool fits = model.Count < node.Pods
                            && (cpu == 0 || model.Values.Sum(m => m.Cpu) + cpu <= node.MilliCpu)
                            && (memory == 0 || model.Values.Sum(m => m.Memory) + memory <= node.MemoryBytes);
                        Assert.Equal(fits, book.Admit(uid, pod) is null);
                        if (fits)
                            model[uid] = (cpu, memory);
                        _ = fits ? admitted++ : refused++;
                        break;
                }
            }
        }

        Assert.True(admitted > 300 && refused > 300, $"the sequences are dull: {admitted} admitted, {refused} refused");
    }

    private static PodWorld World(NodeResources allocatable) => new PodWorld { Settings = new PodLoopsSettings { Allocatable = allocatable } }.Start();

    private static string Manifest(string name, string cpu, string command = "forever", string restart = "Always", int grace = 5) =>
        PodWorld.Manifest(name, ["main: " + command], restart, grace) + $"    resources: {{requests: {{cpu: {cpu}}}}}\n";
}
