using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>postStart and preStop through all loops, on a clock that the test moves.</summary>
public sealed class HookTests
{
    private readonly List<string> _run = [];
    private readonly List<(double At, string What)> _stops = [];

    [Fact]
    public void While_postStart_runs_the_container_is_not_shown_running_and_the_next_one_has_to_wait()
    {
        using PodWorld world = Start(["main", "next"], "lifecycle: {postStart: {sleep: {seconds: 3}}}");
        Assert.True(world.IsRunning("web"));
        Assert.False(world.IsRunning("web", "next"));
        Assert.Null(world.Container("web").State?.Running);
        Assert.False(world.Container("web").Ready);
        world.PassSeconds(3);
        Assert.True(world.IsRunning("web", "next"));
        world.PassSeconds(3);
        Assert.NotNull(world.Container("web").State?.Running);
        Assert.True(world.Container("web").Ready);
    }

    [Fact]
    public void A_postStart_that_fails_ends_its_container_which_starts_again_with_back_off()
    {
        using PodWorld world = Start(["main"], "lifecycle: {postStart: {exec: {command: [hook, fails]}}}");
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "FailedPostStartHook", Message: "PostStartHook failed: command 'hook fails' exited with 3: it is broken" });
        Assert.Contains(world.EventsOf("web"), e => e.Reason == "Killing" && e.Message!.EndsWith("its postStart hook failed", StringComparison.Ordinal));
        // Its first restart is immediate, the next waits.
        Assert.Equal(["hook fails", "hook fails"], _run);
        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Equal("CrashLoopBackOff", world.Waiting("web"));
        Assert.False(world.IsRunning("web"));
        world.PassSeconds(10);
        Assert.Equal(3, _run.Count);
    }

    [Fact]
    public void A_postStart_that_fails_in_a_pod_that_restarts_nothing_fails_the_pod()
    {
        using PodWorld world = Start(["main"], "lifecycle: {postStart: {exec: {command: [hook, fails]}}}", restart: "Never");
        Assert.Equal(["hook fails"], _run);
        Assert.Equal(PodPhase.Failed, world.Status("web").Phase);
    }

    [Fact]
    public void What_preStop_takes_is_taken_from_the_grace()
    {
        using PodWorld world = Start(["main: ignore-term"], "lifecycle: {preStop: {sleep: {seconds: 4}}}", grace: 10);
        world.Remove("web.yaml");
        double begun = Now(world);
        world.PassSeconds(3.9);
        Assert.Empty(_stops);
        world.PassSeconds(0.1);
        Assert.Single(_stops);
        world.PassSeconds(5.9);
        Assert.NotNull(world.Shown("web"));
        world.PassSeconds(0.1);
        Assert.Null(world.Shown("web"));
        Assert.Equal(begun + 10, Now(world), 3);
    }

    [Fact]
    public void A_preStop_that_outlasts_the_grace_is_told_and_leaves_two_seconds_for_the_signal()
    {
        using PodWorld world = Start(["main: ignore-term"], "lifecycle: {preStop: {sleep: {seconds: 10}}}", grace: 10);
        world.Runtime.ExecTakes = _ => null;
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: ignore-term"], grace: 10, each: "lifecycle: {preStop: {exec: {command: [hook, hangs]}}}"));
        world.PassSeconds(12);
        _stops.Clear();
        world.Remove("web.yaml");
        world.PassSeconds(9.9);
        Assert.Empty(_stops);
        Assert.Equal(1, world.Runtime.ExecsRunning);
        world.PassSeconds(0.1);
        Assert.Single(_stops);
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "FailedPreStopHook", Message: "PreStopHook not completed in grace period of 10 s" });
        world.PassSeconds(1.9);
        Assert.NotNull(world.Shown("web"));
        world.PassSeconds(0.1);
        Assert.Null(world.Shown("web"));
        Assert.Equal(0, world.Runtime.ExecsRunning);
    }

    [Fact]
    public void A_preStop_that_fails_is_told_and_the_container_is_stopped_all_the_same()
    {
        using PodWorld world = Start(["main"], "lifecycle: {preStop: {exec: {command: [hook, fails]}}}");
        world.Remove("web.yaml");
        Assert.Null(world.Shown("web"));
        Assert.Equal(["hook fails"], _run);
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "FailedPreStopHook", Message: "PreStopHook failed: command 'hook fails' exited with 3: it is broken" });
    }

    [Fact]
    public void A_second_deletion_with_a_shorter_grace_waits_for_the_same_preStop_and_runs_no_other()
    {
        using PodWorld world = Start(["main: ignore-term"], "lifecycle: {preStop: {exec: {command: [hook, hangs]}}}", grace: 60);
        world.Runtime.ExecTakes = _ => null;
        Delete(world, 60);
        world.PassSeconds(5);
        Delete(world, 10);
        world.PassSeconds(9.9);
        Assert.Empty(_stops);
        world.PassSeconds(0.1);
        Assert.Single(_stops);
        world.PassSeconds(2);
        Assert.False(world.IsRunning("web"));
        Assert.Equal(["hook hangs"], _run);
        Assert.Equal(0, world.Runtime.ExecsRunning);
    }

    [Fact]
    public void A_deletion_without_grace_runs_no_preStop_and_ends_one_that_runs()
    {
        using PodWorld world = Start(["main: ignore-term"], "lifecycle: {preStop: {exec: {command: [hook, hangs]}}}", grace: 60);
        world.Runtime.ExecTakes = _ => null;
        Delete(world, 60);
        world.PassSeconds(1);
        Assert.Equal(1, world.Runtime.ExecsRunning);
        Delete(world, 0);
        Assert.False(world.IsRunning("web"));
        Assert.Equal(0, world.Runtime.ExecsRunning);

        using PodWorld other = Start(["main: ignore-term"], "lifecycle: {preStop: {exec: {command: [hook, other]}}}", grace: 60);
        _run.Clear();
        Delete(other, 0);
        Assert.False(other.IsRunning("web"));
        Assert.Empty(_run);
    }

    [Fact]
    public void A_container_that_ends_by_itself_gets_no_preStop()
    {
        using PodWorld world = Start(["main"], "lifecycle: {preStop: {exec: {command: [hook]}}}");
        world.ExitNow("web", "main", 1);
        Assert.Empty(_run);
        Assert.Equal(1, world.Container("web").RestartCount);
    }

    private static void Delete(PodWorld world, double grace) => world.Do(() => world.Loops.Workers.Delete(world.Loops.Workers.Uids[0], TimeSpan.FromSeconds(grace), withdrawn: true));

    private static double Now(PodWorld world) => world.Time.GetTimestamp() / (double)world.Time.TimestampFrequency;

    private PodWorld Start(string[] containers, string each, int grace = 5, string restart = "Always")
    {
        PodWorld world = new();
        world.Runtime.Exec = (_, request) =>
        {
            _run.Add(string.Join(' ', request.Command));
            return request.Command.Contains("fails") ? ("it is broken\n", 3) : ("", 0);
        };
        world.Runtime.Entered = verb =>
        {
            if (verb == RuntimeVerb.StopContainer) _stops.Add((Now(world), verb.ToString()));
        };
        world.Start();
        world.Put("web.yaml", PodWorld.Manifest("web", containers, grace: grace, restart: restart, each: each));
        return world;
    }
}
