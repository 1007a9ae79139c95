using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>The agent stops and another starts over the same node.</summary>
public sealed class AgentRestartTests
{
    [Fact]
    public void A_pod_that_runs_goes_on_and_counts_no_restart()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main", "side"]));
        world.ExitNow("web", "main", 1);
        int pid = world.Runtime.Run("web", "main")!.Pid;
        world.StopAgent();
        Assert.True(world.IsRunning("web"));
        world.Runtime.ForgetCalls();
        world.Start();

        Assert.True(world.IsReady);
        Assert.Empty(world.Runtime.Changes());
        Assert.Equal(pid, world.Runtime.Run("web", "main")!.Pid);
        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
    }

    [Fact]
    public void An_exit_that_happened_meanwhile_is_seen_and_the_back_off_goes_on()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.ExitNow("web", "main", 1);
        world.StopAgent();
        world.Runtime.LosesEvents = true;
        world.ExitNow("web", "main", 7);
        world.PassSeconds(4);
        world.Start();

        Assert.Equal(7, world.Container("web").LastState!.Terminated!.ExitCode);
        Assert.Equal("CrashLoopBackOff", world.Waiting("web"));
        world.PassSeconds(6);
        Assert.True(world.IsRunning("web"));
        Assert.Equal(2, world.Container("web").RestartCount);
    }

    [Fact]
    public void A_pod_whose_manifest_went_meanwhile_ends_with_its_own_grace()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term"], grace: 7));
        world.StopAgent();
        world.Folder.Delete("web.yaml");
        world.Start();

        Assert.True(world.IsReady);
        world.PassSeconds(6.9);
        Assert.True(world.IsRunning("web"));
        world.PassSeconds(0.2);
        Assert.Empty(world.Runtime.Snapshot());
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void A_manifest_that_changed_meanwhile_ends_the_old_pod_before_the_new_one_starts()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: slow-term 2"]));
        world.StopAgent();
        world.Folder.Put("web.yaml", PodWorld.Manifest("web", ["other"]));
        world.Start();
        Assert.True(world.IsRunning("web", "main"));
        world.PassSeconds(2);

        Assert.True(world.IsRunning("web", "other"));
        Assert.Empty(world.Runtime.Violations);
    }

    [Fact]
    public void A_manifest_that_broke_meanwhile_keeps_its_pod_and_the_pod_is_still_cared_for()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.StopAgent();
        world.Folder.Put("web.yaml", "kind: Pod\n\tname: web\n");
        world.Start();

        Assert.True(world.IsRunning("web"));
        Assert.Single(world.Stores.Manifests.Current);
        world.ExitNow("web", "main", 1);
        Assert.True(world.IsRunning("web"));

        world.Remove("web.yaml");
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void A_folder_that_is_missing_at_the_start_ends_nothing_and_what_it_says_later_counts()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Put("old.yaml", PodWorld.Manifest("old"));
        world.StopAgent();
        world.Folder.Delete("old.yaml");
        world.Folder.Problem = "it does not exist";
        world.Start();

        Assert.True(world.IsReady);
        world.PassSeconds(60);
        Assert.True(world.IsRunning("web") && world.IsRunning("old"));
        Assert.Contains("cannot be listed", Assert.Single(world.Stores.Manifests.Current).Faults[0].Message, StringComparison.Ordinal);

        world.Folder.Problem = null;
        world.PassSeconds(1);
        Assert.True(world.IsRunning("web"));
        Assert.Null(world.Shown("old"));
        Assert.Empty(world.Stores.Manifests.Current);
    }

    [Fact]
    public void Of_two_files_that_claim_a_name_the_one_whose_pod_runs_keeps_it()
    {
        using var world = new PodWorld().Start();
        world.Put("b.yaml", PodWorld.Manifest("web", ["second"]));
        world.Put("a.yaml", PodWorld.Manifest("web", ["first"]));
        world.StopAgent();
        world.Runtime.ForgetCalls();
        world.Start();

        Assert.True(world.IsRunning("web", "second"));
        Assert.Empty(world.Runtime.Changes());
    }

    [Fact]
    public void No_pod_starts_before_it_is_known_what_runs()
    {
        using var world = new PodWorld();
        world.Folder.Put("web.yaml", PodWorld.Manifest("web"));
        world.Runtime.Fail(RuntimeVerb.ListPods, null, new IOException("the records cannot be read"), times: 2);
        world.Start();
        Assert.False(world.IsReady);
        Assert.Empty(world.Runtime.Changes());

        world.PassSeconds(2);
        Assert.True(world.IsReady);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_pod_that_has_succeeded_does_not_run_again()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: exit 0"], restart: "Never"));
        world.PassSeconds(1);
        world.StopAgent();
        world.Runtime.ForgetCalls();
        world.Start();
        world.PassSeconds(60);

        Assert.Equal(PodPhase.Succeeded, world.Status("job").Phase);
        Assert.DoesNotContain(world.Runtime.Calls, call => call.Verb is RuntimeVerb.RunPodSandbox or RuntimeVerb.CreateContainer or RuntimeVerb.StartContainer);
    }

    [Fact]
    public void A_stop_that_was_under_way_is_carried_to_its_end()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term"], grace: 10));
        world.Remove("web.yaml");
        world.PassSeconds(3);
        world.StopAgent();
        world.Start();
        world.PassSeconds(11);

        Assert.Empty(world.Runtime.Snapshot());
    }

    [Fact]
    public void After_a_reboot_every_manifest_starts_at_once_and_its_restarts_are_counted_on()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.ExitNow("web", "main", 1);
        world.StopAgent();
        world.Runtime.ForgetEverything();
        world.Kept.ForgetEverything();
        world.Start();

        Assert.True(world.IsRunning("web"));
        // The exit was one, the reboot another.
        Assert.Equal(2, world.Container("web").RestartCount);
    }

    [Fact]
    public void After_a_reboot_the_volumes_of_pods_that_nobody_wants_go_and_the_others_stay()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Put("old.yaml", PodWorld.Manifest("old"));
        string web = world.Shown("web")!.Metadata!.Uid!;
        world.StopAgent();
        world.Runtime.ForgetEverything();
        world.Kept.ForgetEverything();
        world.Folder.Delete("old.yaml");
        world.Start();

        Assert.Equal([web], world.Runtime.Volumes.Select(uid => uid.Value));
    }

    [Fact]
    public void While_a_manifest_is_faulty_after_a_reboot_no_volume_goes_since_it_may_be_that_pods()
    {
        using var world = new PodWorld().Start();
        string manifest = PodWorld.Manifest("web");
        world.Put("web.yaml", manifest);
        world.Put("old.yaml", PodWorld.Manifest("old"));
        string web = world.Shown("web")!.Metadata!.Uid!;
        world.StopAgent();
        world.Runtime.ForgetEverything();
        world.Kept.ForgetEverything();
        world.Folder.Delete("old.yaml");
        world.Folder.Put("web.yaml", "nonsense");
        world.Start();
        world.PassSeconds(100);
        Assert.Equal(2, world.Runtime.Volumes.Count);

        world.Put("web.yaml", manifest);
        Assert.Equal([web], world.Runtime.Volumes.Select(uid => uid.Value));
    }

    [Fact]
    public void A_pod_that_turns_up_later_without_a_manifest_is_an_orphan_and_ends()
    {
        using var world = new PodWorld();
        world.Folder.Put("web.yaml", PodWorld.Manifest("web"));
        world.Start();
        var state = world.Runtime.Snapshot()[0];
        var stray = state.Pod with { Metadata = state.Pod.Metadata! with { Name = "stray" } };
        world.Do(() => _ = world.Runtime.RunPodSandboxAsync(new PodSandboxConfig(new PodUid("99999999-9999-8999-8999-999999999999"), stray, 0, "/gone.yaml"), default));
        world.PassSeconds(30);

        Assert.Equal(["web"], world.Runtime.Snapshot().Select(pod => pod.Pod.Metadata!.Name));
    }
}
