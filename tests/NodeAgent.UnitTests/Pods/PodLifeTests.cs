using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>A pod from its manifest to its end, all loops together.</summary>
public sealed class PodLifeTests
{
    [Fact]
    public void A_manifest_that_appears_runs_without_any_time_passing()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "side"]));

        Assert.Equal(
            ["RunPodSandbox web", "CreateContainer web/main", "StartContainer web/main", "CreateContainer web/side", "StartContainer web/side"],
            world.Runtime.Changes());
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
        Assert.Equal(["Pulled", "Created", "Started"], world.ReasonsOf("web"));
    }

    [Fact]
    public void What_was_in_the_folder_before_the_start_runs_and_only_then_the_agent_is_ready()
    {
        using var world = new PodWorld();
        world.Folder.Put("web.yaml", PodWorld.Manifest("web"));
        world.Start();

        Assert.True(world.IsReady);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_container_that_exits_runs_again_at_once_then_after_10_then_after_20_seconds()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));

        world.ExitNow("web", "main", 1);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(1, world.Container("web").RestartCount);

        world.ExitNow("web", "main", 1);
        Assert.Equal("CrashLoopBackOff", world.Waiting("web"));
        world.PassSeconds(9.9);
        Assert.False(world.IsRunning("web"));
        world.PassSeconds(0.1);
        Assert.True(world.IsRunning("web"));

        world.ExitNow("web", "main", 1);
        world.PassSeconds(19.9);
        Assert.False(world.IsRunning("web"));
        world.PassSeconds(0.1);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(3, world.Container("web").RestartCount);
        Assert.Contains("BackOff", world.ReasonsOf("web"));
    }

    [Fact]
    public void One_container_restarts_alone()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "side"]));
        int pid = world.Runtime.Run("web", "side")!.Pid;
        world.ExitNow("web", "main", 1);

        Assert.True(world.IsRunning("web"));
        Assert.Equal(pid, world.Runtime.Run("web", "side")!.Pid);
        Assert.Equal((1, 0), (world.Container("web").RestartCount, world.Container("web", "side").RestartCount));
    }

    [Fact]
    public void A_changed_manifest_ends_the_old_pod_before_the_new_one_starts()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: slow-term 3"]));
        string? old = world.Shown("web")!.Metadata!.Uid;
        world.Runtime.ForgetCalls();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "more"]));

        world.PassSeconds(2.9);
        Assert.Equal(["StopContainer web/main"], world.Runtime.Changes());
        Assert.Equal(old, world.Shown("web")!.Metadata!.Uid);
        Assert.NotNull(world.Shown("web")!.Metadata!.DeletionTimestamp);

        world.PassSeconds(0.1);
        Assert.Empty(world.Runtime.Violations);
        Assert.True(world.IsRunning("web", "more"));
        Assert.NotEqual(old, world.Shown("web")!.Metadata!.Uid);
        Assert.Equal(["StopContainer web/main", "StopPodSandbox web", "RemovePodSandbox web", "RunPodSandbox web"], world.Runtime.Changes().Where(NotAboutRecords).Take(4));

        static bool NotAboutRecords(string call) => !call.StartsWith("RemoveContainer", StringComparison.Ordinal);
    }

    [Fact]
    public void A_removed_manifest_ends_its_pod_with_the_stop_signal_and_after_the_grace_with_a_kill()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term", "side"], grace: 5));
        world.Remove("web.yaml");

        Assert.False(world.IsRunning("web", "side"));
        Assert.True(world.IsRunning("web", "main"));
        world.PassSeconds(4.9);
        Assert.True(world.IsRunning("web", "main"));
        Assert.NotNull(world.Shown("web"));

        world.PassSeconds(0.2);
        Assert.Empty(world.Runtime.Snapshot());
        Assert.Null(world.Shown("web"));
        Assert.Contains("Killing", world.ReasonsOf("web"));
    }

    [Fact]
    public void After_its_end_a_pod_leaves_no_root_filesystem_no_volume_and_no_log()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "side"]));
        for (int i = 0; i < 3; i++)
        {
            world.ExitNow("web", "main", 1);
            world.PassSeconds(60);
        }

        world.Remove("web.yaml");
        Assert.Empty(world.Images.Snapshots);
        Assert.Empty(world.Runtime.Volumes);
        Assert.Empty(world.Runtime.Logs);
    }

    [Fact]
    public void A_manifest_that_comes_back_while_its_pod_ends_starts_it_anew_afterwards()
    {
        using var world = new PodWorld().Start();
        string manifest = PodWorld.Manifest("web", ["main: slow-term 3"]);
        world.Put("web.yaml", manifest);
        world.Remove("web.yaml");
        world.PassSeconds(1);
        world.Put("web.yaml", manifest);
        Assert.True(world.IsRunning("web"));
        world.PassSeconds(2);

        Assert.True(world.IsRunning("web"));
        Assert.Equal(0, world.Container("web").RestartCount);
        Assert.Equal(2, world.Runtime.Calls.Count(call => call.Verb == RuntimeVerb.RunPodSandbox));
        Assert.Null(world.Shown("web")!.Metadata!.DeletionTimestamp);
    }

    [Fact]
    public void A_pod_that_changes_twice_while_it_ends_goes_straight_to_the_newest()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: slow-term 3"]));
        world.Put("web.yaml", PodWorld.Manifest("web", ["second"]));
        world.Put("web.yaml", PodWorld.Manifest("web", ["third"]));
        world.PassSeconds(3);

        Assert.True(world.IsRunning("web", "third"));
        Assert.DoesNotContain("CreateContainer web/second", world.Runtime.Changes());
    }

    [Fact]
    public void A_sandbox_that_dies_is_made_again_and_every_container_with_it()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "side"]));
        world.Do(() => world.Runtime.KillSandbox("web"));

        Assert.True(world.IsRunning("web", "main") && world.IsRunning("web", "side"));
        Assert.Contains("SandboxChanged", world.ReasonsOf("web"));
        Assert.Equal(1, Assert.Single(world.Runtime.Snapshot()).Sandboxes[0].Attempt);
    }

    [Theory]
    [InlineData(0, PodPhase.Succeeded)]
    [InlineData(3, PodPhase.Failed)]
    public void A_pod_that_never_restarts_stays_to_be_seen_when_it_has_ended(int code, string phase)
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", [$"main: exit {code} 2"], restart: "Never"));
        world.PassSeconds(2);
        Assert.Equal(phase, world.Status("job").Phase);

        world.Runtime.ForgetCalls();
        world.PassSeconds(3600);
        Assert.Empty(world.Runtime.Changes());
        Assert.Equal(code, world.Container("job").State!.Terminated!.ExitCode);
    }

    [Fact]
    public void Nothing_polls_a_pod_that_runs()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.PassSeconds(60);
        world.Runtime.ForgetCalls();
        world.PassSeconds(300);

        Assert.All(world.Runtime.Calls, call => Assert.Equal(RuntimeVerb.ListPods, call.Verb));
        Assert.Equal(10, world.Runtime.Calls.Count);
    }

    [Fact]
    public void Two_hundred_pods_run_and_end()
    {
        using var world = new PodWorld().Start();
        for (int i = 0; i < 200; i++)
            world.Put($"p{i}.yaml", PodWorld.Manifest($"p{i}"));
        Assert.Equal(200, world.Runtime.Snapshot().Count(state => state.Containers.Any(run => run.State == ContainerRunState.Running)));
        Assert.Equal(200, world.Stores.Pods.Current.Pods.Length);

        world.Do(() =>
        {
            for (int i = 0; i < 200; i++)
                world.Folder.Delete($"p{i}.yaml");
        });
        world.PassSeconds(1);
        Assert.Empty(world.Runtime.Snapshot());
        Assert.Empty(world.Stores.Pods.Current.Pods);
    }
}
