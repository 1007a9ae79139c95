using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>What goes wrong in the runtime, in images and in single pods, and how far it spreads.</summary>
public sealed class PodTroubleTests
{
    [Fact]
    public void A_sandbox_that_cannot_be_made_is_tried_again_and_told()
    {
        using var world = new PodWorld().Start();
        world.Runtime.Fail(RuntimeVerb.RunPodSandbox, "web", new PodRuntimeException(RuntimeFailure.FailedCreatePodSandBox, "no address is left"));
        world.Put("web.yaml", PodWorld.Manifest("web"));
        Assert.False(world.IsRunning("web"));
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "FailedCreatePodSandBox", Message: "no address is left" });

        world.PassSeconds(10);
        Assert.True(world.IsRunning("web"));
        Assert.Single(world.Log.Warnings, line => line.Contains("no address is left", StringComparison.Ordinal));
    }

    [Fact]
    public void A_failure_that_repeats_is_logged_once()
    {
        using var world = new PodWorld().Start();
        world.Runtime.Fail(RuntimeVerb.RunPodSandbox, "web", new PodRuntimeException(RuntimeFailure.FailedCreatePodSandBox, "no address is left"), times: 20);
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.PassSeconds(100);

        Assert.Single(world.Log.Warnings, line => line.Contains("no address is left", StringComparison.Ordinal));
        Assert.True(Assert.Single(world.EventsOf("web"), e => e.Reason == "FailedCreatePodSandBox").Count > 5);
    }

    [Fact]
    public void A_container_that_cannot_start_backs_off_and_its_neighbour_runs()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["side", "main: no-start nosuchfile"]));
        world.PassSeconds(60);

        Assert.True(world.IsRunning("web", "side"));
        Assert.False(world.IsRunning("web", "main"));
        Assert.Contains(world.EventsOf("web"), e => e.Reason == "Failed" && e.Message!.Contains("nosuchfile", StringComparison.Ordinal));
        Assert.InRange(world.Runtime.Calls.Count(call => call is { Verb: RuntimeVerb.StartContainer, Target: "web/main" }), 2, 8);
    }

    [Fact]
    public void An_image_that_is_not_there_backs_off_until_it_is_loaded_and_then_starts_at_once()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", image: "other:1"));
        Assert.Equal("RegistryUnavailable", world.Waiting("web"));
        world.PassSeconds(600);
        Assert.InRange(world.Images.Pulls, 3, 10);

        world.Images.Load("other:1");
        Assert.False(world.IsRunning("web"));
        world.Do(world.Loops.ImagesChanged);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void Pull_policy_Never_fails_without_asking_a_registry()
    {
        using var world = new PodWorld().Start();
        world.Images.PutIntoRegistry("other:1");
        world.Put("web.yaml", PodWorld.Manifest("web", image: "other:1", policy: PullPolicy.Never));

        Assert.Equal("ErrImageNeverPull", world.Waiting("web"));
        Assert.Equal(0, world.Images.Pulls);
    }

    [Fact]
    public void Pull_policy_IfNotPresent_pulls_what_is_not_there()
    {
        using var world = new PodWorld().Start();
        world.Images.PutIntoRegistry("other:1");
        world.Put("web.yaml", PodWorld.Manifest("web", image: "other:1"));

        Assert.True(world.IsRunning("web"));
        Assert.Equal(["Pulling", "Pulled", "Created", "Started"], world.ReasonsOf("web"));
    }

    [Fact]
    public void Pull_policy_Always_takes_an_image_loaded_from_a_file_when_no_registry_can_be_asked_and_says_so()
    {
        using var world = new PodWorld().Start();
        world.Images.Load("busybox");
        world.Put("web.yaml", PodWorld.Manifest("web", image: "busybox"));

        Assert.True(world.IsRunning("web"));
        Assert.Equal(PullPolicy.Always, world.Shown("web")!.Spec!.Containers![0].ImagePullPolicy);
        Assert.Contains(world.EventsOf("web"), e => e.Reason == "Pulled" && e.Message!.Contains("came from a file", StringComparison.Ordinal));
    }

    [Fact]
    public void Pull_policy_Always_fails_when_a_registry_refuses_although_an_image_is_there()
    {
        using var world = new PodWorld().Start();
        world.Images.Load("busybox");
        world.Images.PullError = new ImageException(ImageFailure.ErrImagePull, "denied");
        world.Put("web.yaml", PodWorld.Manifest("web", image: "busybox"));

        Assert.False(world.IsRunning("web"));
        Assert.Equal("ErrImagePull", world.Waiting("web"));
    }

    [Fact]
    public void A_root_filesystem_that_cannot_be_prepared_is_a_CreateContainerError()
    {
        using var world = new PodWorld().Start();
        world.Images.PrepareError = new IOException("no space left on device");
        world.Put("web.yaml", PodWorld.Manifest("web"));
        Assert.Equal("CreateContainerError", world.Waiting("web"));

        world.Images.PrepareError = null;
        world.PassSeconds(10);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_stop_that_hangs_holds_up_its_own_pod_only()
    {
        using var world = new PodWorld().Start();
        world.Put("stuck.yaml", PodWorld.Manifest("stuck"));
        world.Put("web.yaml", PodWorld.Manifest("web"));
        var release = world.Runtime.Hold(RuntimeVerb.StopContainer, "stuck/main");
        world.Remove("stuck.yaml");
        world.PassSeconds(3600);
        world.ExitNow("web", "main", 1);
        world.Put("late.yaml", PodWorld.Manifest("late"));

        Assert.True(world.IsRunning("web") && world.IsRunning("late") && world.IsRunning("stuck"));
        Assert.All(world.Loops.Heartbeats, heartbeat => Assert.True(heartbeat.IsAlive));

        world.Runtime.HealFaults();
        world.Do(release.SetResult);
        Assert.Null(world.Shown("stuck"));
    }

    [Fact]
    public void A_pod_that_is_removed_while_its_sandbox_is_being_made_does_not_wait_for_it()
    {
        using var world = new PodWorld().Start();
        world.Runtime.Hold(RuntimeVerb.RunPodSandbox, "web");
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Remove("web.yaml");

        Assert.Null(world.Shown("web"));
        Assert.Empty(world.Runtime.Snapshot());
    }

    [Fact]
    public void Lost_events_are_healed_by_the_next_listing()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Runtime.LosesEvents = true;
        world.ExitNow("web", "main", 1);
        Assert.False(world.IsRunning("web"));

        world.PassSeconds(30);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(1, world.Container("web").RestartCount);
    }

    [Fact]
    public void Doubled_events_change_nothing()
    {
        using var world = new PodWorld().Start();
        world.Runtime.DoublesEvents = true;
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.ExitNow("web", "main", 1);

        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Equal(2, world.Runtime.Calls.Count(call => call.Verb == RuntimeVerb.StartContainer));
    }

    [Fact]
    public void While_the_state_cannot_be_had_the_phase_is_Unknown_and_nothing_is_done()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Runtime.ForgetCalls();
        world.Runtime.Fail(RuntimeVerb.PodStatus, "web", new IOException("the record is cut short"), times: 3);
        world.ExitNow("web", "main", 1);
        Assert.Equal(PodPhase.Unknown, world.Status("web").Phase);
        Assert.Empty(world.Runtime.Changes());

        world.PassSeconds(30);
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Single(world.Log.Warnings, line => line.Contains("cut short", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(RuntimeVerb.PodStatus, "web")]
    [InlineData(RuntimeVerb.ListPods, null)]
    [InlineData(RuntimeVerb.RunPodSandbox, "web")]
    [InlineData(RuntimeVerb.StartContainer, "web/main")]
    public void A_verb_that_gives_up_as_if_it_were_cancelled_ends_no_loop(RuntimeVerb verb, string? target)
    {
        using var world = new PodWorld().Start();
        world.Runtime.Fail(verb, target, new OperationCanceledException("the shim did not answer in time"), times: 2);
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.PassSeconds(90);

        Assert.True(world.IsRunning("web"));
        Assert.All(world.Loops.Heartbeats, heartbeat => Assert.True(heartbeat.IsAlive));
        Assert.False(world.Loops.Completion.IsCompleted);
    }

    [Fact]
    public void A_root_filesystem_that_no_container_refers_to_is_removed_by_the_listing()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Do(() => _ = world.Images.PrepareAsync("left-over", new ImageRecord("sha256:x", [], "", 0, [], new ImageConfig(), default), default));
        Assert.Equal(2, world.Images.Snapshots.Count);
        world.PassSeconds(30);

        Assert.Single(world.Images.Snapshots);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_listing_that_hangs_is_seen_in_the_heartbeat()
    {
        using var world = new PodWorld().Start();
        world.Runtime.Hold(RuntimeVerb.ListPods, null);
        world.PassSeconds(60);
        Assert.All(world.Loops.Heartbeats, heartbeat => Assert.True(heartbeat.IsAlive));
        world.PassSeconds(60);

        Assert.Equal(["pleg"], world.Loops.Heartbeats.Where(heartbeat => !heartbeat.IsAlive).Select(heartbeat => heartbeat.Name));
    }
}
