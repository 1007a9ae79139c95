using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>Draining, cordoning and uncordoning the node under its pods.</summary>
public sealed class DrainTests
{
    private static void Set(PodWorld world, NodeScheduling scheduling) => world.Do(() => world.Loops.Workers.SetScheduling(scheduling));

    private static PodCondition Condition(PodWorld world, string pod, string type) => world.Status(pod).Conditions!.Single(c => c.Type == type);

    [Fact]
    public void A_drain_ends_every_pod_with_its_own_grace_and_starts_none()
    {
        using var world = new PodWorld().Start();
        world.Put("quick.yaml", PodWorld.Manifest("quick", ["main: slow-term 1"], grace: 30));
        world.Put("stubborn.yaml", PodWorld.Manifest("stubborn", ["main: ignore-term"], grace: 7));
        Set(world, NodeScheduling.Drained);

        world.PassSeconds(1);
        Assert.False(world.IsRunning("quick"));
        world.PassSeconds(5.9);
        Assert.True(world.IsRunning("stubborn"));
        Assert.Equal("Terminating", PodStatusColumn.Status(world.Shown("stubborn")!));
        world.PassSeconds(0.2);
        Assert.False(world.IsRunning("stubborn"));

        world.PassSeconds(3600);
        Assert.False(world.IsRunning("quick") || world.IsRunning("stubborn"));
        Assert.Empty(world.Runtime.Violations);
    }

    [Fact]
    public void A_drained_pod_is_Pending_and_says_why()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(5);

        Assert.Equal(PodPhase.Pending, world.Status("web").Phase);
        Assert.Equal("NodeDrained", world.Status("web").Reason);
        Assert.Equal("NodeDrained", world.Waiting("web"));
        Assert.Equal("NodeDrained", PodStatusColumn.Status(world.Shown("web")!));
        PodCondition scheduled = Condition(world, "web", PodConditionType.PodScheduled);
        Assert.Equal((ConditionStatus.False, "Unschedulable"), (scheduled.Status, scheduled.Reason));
        Assert.Equal(ConditionStatus.False, Condition(world, "web", PodConditionType.PodReadyToStartContainers).Status);
        Assert.Equal(143, world.Container("web").LastState!.Terminated!.ExitCode);
    }

    [Fact]
    public void Uncordon_starts_the_pods_anew_and_their_volumes_and_counts_are_kept()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.ExitNow("web", "main", 1);
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(5);
        Assert.Single(world.Runtime.Snapshot());
        Set(world, NodeScheduling.Open);

        Assert.True(world.IsRunning("web"));
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
        Assert.Null(world.Status("web").Reason);
        Assert.Equal(2, world.Container("web").RestartCount);
        Assert.Equal(ConditionStatus.True, Condition(world, "web", PodConditionType.PodScheduled).Status);
    }

    [Fact]
    public void A_job_that_a_drain_ends_runs_again_whatever_its_policy_and_one_that_was_over_does_not()
    {
        using var world = new PodWorld().Start();
        world.Put("over.yaml", PodWorld.Manifest("over", ["main: exit 0"], restart: "Never"));
        world.Put("job.yaml", PodWorld.Manifest("job", ["main"], restart: "Never"));
        world.PassSeconds(1);
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(5);
        Assert.Equal(PodPhase.Succeeded, world.Status("over").Phase);
        Assert.Equal(PodPhase.Pending, world.Status("job").Phase);
        int before = world.Runtime.Run("over", "main")!.Attempt;
        Set(world, NodeScheduling.Open);
        world.PassSeconds(5);

        Assert.True(world.IsRunning("job"));
        Assert.Equal(PodPhase.Succeeded, world.Status("over").Phase);
        Assert.Equal(before, world.Runtime.Run("over", "main")!.Attempt);
    }

    [Fact]
    public void What_manifests_say_meanwhile_is_taken_up_at_uncordon()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["first"]));
        world.Put("old.yaml", PodWorld.Manifest("old"));
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(5);
        world.Put("web.yaml", PodWorld.Manifest("web", ["second"]));
        world.Put("new.yaml", PodWorld.Manifest("new"));
        world.Remove("old.yaml");
        world.PassSeconds(30);

        Assert.Equal("NodeDrained", world.Status("new").Reason);
        Assert.Null(world.Shown("old"));
        Assert.False(world.IsRunning("web", "second") || world.IsRunning("new"));
        Set(world, NodeScheduling.Open);
        Assert.True(world.IsRunning("web", "second") && world.IsRunning("new"));
        Assert.Empty(world.Runtime.Violations);
    }

    [Fact]
    public void An_uncordon_in_the_middle_of_an_end_carries_the_end_through_before_the_pod_starts_anew()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: slow-term 3"], restart: "Never", grace: 10));
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(1);
        Set(world, NodeScheduling.Open);
        Assert.Equal(0, world.Container("job").RestartCount);
        world.PassSeconds(3);

        Assert.True(world.IsRunning("job"));
        Assert.Equal(PodPhase.Running, world.Status("job").Phase);
        Assert.Equal(1, world.Container("job").RestartCount);
    }

    [Fact]
    public void A_cordon_lets_what_runs_go_on_restarts_included_and_starts_nothing_new()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        Set(world, NodeScheduling.Cordoned);
        world.Put("new.yaml", PodWorld.Manifest("new"));
        world.ExitNow("web", "main", 1);

        Assert.True(world.IsRunning("web"));
        Assert.False(world.IsRunning("new"));
        Assert.Equal((PodPhase.Pending, "NodeCordoned"), (world.Status("new").Phase, world.Status("new").Reason));
        Set(world, NodeScheduling.Open);
        Assert.True(world.IsRunning("new"));
    }

    [Fact]
    public void A_pod_that_is_being_deleted_is_not_brought_back()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term"], grace: 20));
        world.Remove("web.yaml");
        Set(world, NodeScheduling.Drained);
        Set(world, NodeScheduling.Open);
        world.PassSeconds(20);

        Assert.Null(world.Shown("web"));
        Assert.Empty(world.Runtime.Snapshot());
    }

    [Fact]
    public void A_drain_goes_on_over_a_restart_of_the_agent()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term"], grace: 10));
        Set(world, NodeScheduling.Drained);
        world.PassSeconds(3);
        world.StopAgent();
        world.Start(NodeScheduling.Drained);
        world.PassSeconds(11);

        Assert.False(world.IsRunning("web"));
        Assert.Equal((PodPhase.Pending, "NodeDrained"), (world.Status("web").Phase, world.Status("web").Reason));
        world.PassSeconds(60);
        Assert.False(world.IsRunning("web"));
        Set(world, NodeScheduling.Open);
        Assert.True(world.IsRunning("web"));
    }
}
