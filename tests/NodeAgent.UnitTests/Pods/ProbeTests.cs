using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>Probes through all loops, on a clock that the test moves. What a probe does is told by the first word of its command.</summary>
public sealed class ProbeTests
{
    private readonly List<(double At, string What)> _asked = [];
    private readonly HashSet<string> _failing = [];
    private readonly HashSet<string> _erring = [];
    private long _start;

    [Fact]
    public void Probes_keep_their_beat_and_thresholds_and_the_pod_is_ready_when_they_say_so()
    {
        using PodWorld world = Start("readinessProbe: {initialDelaySeconds: 3, periodSeconds: 4, successThreshold: 2, failureThreshold: 2, exec: {command: [ready]}}");
        Assert.False(world.Container("web").Ready);
        Assert.True(world.Container("web").Started);
        world.PassSeconds(6.9);
        Assert.False(world.Container("web").Ready);
        world.PassSeconds(0.1);
        Assert.True(world.Container("web").Ready);
        Assert.Equal("True", world.Status("web").Conditions!.Single(c => c.Type == "Ready").Status);

        _failing.Add("ready");
        world.PassSeconds(7.9);
        Assert.True(world.Container("web").Ready);
        world.PassSeconds(0.1);
        Assert.False(world.Container("web").Ready);
        Assert.Equal(0, world.Container("web").RestartCount);
        Assert.Equal([3, 7, 11, 15], _asked.Select(a => a.At));
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "Unhealthy", Message: "Readiness probe failed: ready says no", Count: 2 });
    }

    [Fact]
    public void A_liveness_probe_that_fails_often_enough_ends_the_container_which_then_starts_anew()
    {
        using PodWorld world = Start("livenessProbe: {periodSeconds: 10, failureThreshold: 3, exec: {command: [live]}}");
        _failing.Add("live");
        world.PassSeconds(29.9);
        Assert.Equal(0, world.Container("web").RestartCount);
        world.PassSeconds(0.1);
        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Contains(world.EventsOf("web"), e => e.Reason == "Killing" && e.Message!.Contains("liveness", StringComparison.Ordinal));

        // The new run is asked from its own start on, and has all its failures before it.
        world.PassSeconds(19.9);
        Assert.Equal([0, 10, 20, 30, 30, 40], _asked.Select(a => a.At));
        Assert.Equal(1, world.Container("web").RestartCount);
    }

    [Fact]
    public void Nothing_else_is_asked_before_the_startup_probe_has_passed_and_it_is_asked_no_more_then()
    {
        using PodWorld world = Start(
            "startupProbe: {periodSeconds: 2, failureThreshold: 10, exec: {command: [start]}}\n    livenessProbe: {periodSeconds: 5, exec: {command: [live]}}\n"
            + "    readinessProbe: {periodSeconds: 5, exec: {command: [ready]}}", failing: "start");
        world.PassSeconds(5);
        Assert.False(world.Container("web").Started);
        _failing.Clear();
        world.PassSeconds(1);
        Assert.True(world.Container("web").Started);
        Assert.True(world.Container("web").Ready);
        world.PassSeconds(5);
        Assert.Equal(["0 start", "2 start", "4 start", "6 start", "6 live", "6 ready", "11 live", "11 ready"], _asked.Select(a => $"{a.At} {a.What}"));
    }

    [Fact]
    public void A_startup_probe_that_never_passes_ends_the_container()
    {
        using PodWorld world = Start("startupProbe: {periodSeconds: 2, failureThreshold: 3, exec: {command: [start]}}", failing: "start");
        world.PassSeconds(4);
        Assert.Equal(1, world.Container("web").RestartCount);
        Assert.Contains(world.EventsOf("web"), e => e.Reason == "Killing" && e.Message!.Contains("startup", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_wall_clock_that_jumps_by_an_hour_moves_no_probe(int hours)
    {
        using PodWorld world = Start("livenessProbe: {initialDelaySeconds: 5, periodSeconds: 10, exec: {command: [live]}}");
        world.PassSeconds(2);
        world.Do(() => world.Time.StepWallClock(TimeSpan.FromHours(hours)));
        world.PassSeconds(23);
        Assert.Equal([5, 15, 25], _asked.Select(a => a.At));

        // Also for a run that starts after the jump.
        world.ExitNow("web", "main", 1);
        _asked.Clear();
        world.PassSeconds(20);
        Assert.Equal([30, 40], _asked.Select(a => a.At));
        Assert.Equal(1, world.Container("web").RestartCount);
    }

    [Fact]
    public void A_command_that_takes_too_long_has_failed_and_is_killed()
    {
        using PodWorld world = Start("readinessProbe: {periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 1, exec: {command: [ready, or, not]}}", hangs: true);
        world.PassSeconds(2.9);
        Assert.Equal(1, world.Runtime.ExecsRunning);
        world.PassSeconds(0.1);
        Assert.Equal(0, world.Runtime.ExecsRunning);
        Assert.Contains(world.EventsOf("web"), e => e.Message == "Readiness probe failed: command timed out: \"ready or not\" within 3 s");
        world.PassSeconds(7);
        Assert.Equal([0, 10], _asked.Select(a => a.At));
    }

    [Fact]
    public void A_probe_that_takes_longer_than_its_period_is_followed_by_the_next_at_once_and_never_overlaps()
    {
        using PodWorld world = Start("readinessProbe: {periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 9, exec: {command: [ready]}}", hangs: true);
        world.PassSeconds(16);
        Assert.Equal([0, 5, 10, 15], _asked.Select(a => a.At));
    }

    [Fact]
    public void A_probe_that_cannot_be_made_is_tried_three_times_and_counts_for_nothing()
    {
        using PodWorld world = Start("livenessProbe: {periodSeconds: 10, failureThreshold: 1, exec: {command: [live]}}", erring: "live");
        world.PassSeconds(20);
        Assert.Equal([0, 0, 0, 10, 10, 10, 20, 20, 20], _asked.Select(a => a.At));
        Assert.Equal(0, world.Container("web").RestartCount);
        Assert.Contains(world.EventsOf("web"), e => e is { Reason: "Unhealthy", Message: "Liveness probe errored: no such command" });
    }

    [Fact]
    public void After_a_restart_of_the_agent_containers_are_as_ready_as_they_were_and_are_asked_within_a_period()
    {
        using PodWorld world = new() { Settings = new() { Chance = () => 0.25 } };
        Run(world, "livenessProbe: {periodSeconds: 10, failureThreshold: 1, exec: {command: [live]}}\n    readinessProbe: {periodSeconds: 20, failureThreshold: 2, exec: {command: [ready]}}");
        world.PassSeconds(1);
        Assert.True(world.Container("web").Ready);
        world.StopAgent();
        _failing.Add("ready");
        _asked.Clear();
        world.Start();

        Assert.True(world.Container("web").Ready);
        world.PassSeconds(24.9);
        Assert.True(world.Container("web").Ready);
        world.PassSeconds(0.1);
        Assert.False(world.Container("web").Ready);
        Assert.Equal(["3.5 live", "6 ready", "13.5 live", "23.5 live", "26 ready"], _asked.Select(a => $"{a.At} {a.What}"));
    }

    [Fact]
    public void A_pod_that_is_deleted_is_asked_for_its_readiness_only()
    {
        using PodWorld world = Start(
            "command: [ignore-term]\n    livenessProbe: {periodSeconds: 2, exec: {command: [live]}}\n    readinessProbe: {periodSeconds: 2, failureThreshold: 1, exec: {command: [ready]}}", grace: 9);
        world.PassSeconds(1);
        _asked.Clear();
        world.Remove("web.yaml");
        _failing.Add("ready");
        world.PassSeconds(4);
        Assert.False(world.Container("web").Ready);
        Assert.DoesNotContain(_asked.Where(a => a.At > 3), a => a.What == "live");
        world.PassSeconds(10);
        Assert.Null(world.Shown("web"));
        int count = _asked.Count;
        world.PassSeconds(60);
        Assert.Equal(count, _asked.Count);
    }

    private PodWorld Start(string probes, string? failing = null, string? erring = null, bool hangs = false, int grace = 5)
    {
        PodWorld world = new();
        if (failing is not null) _failing.Add(failing);
        if (erring is not null) _erring.Add(erring);
        if (hangs) world.Runtime.ExecTakes = _ => null;
        return Run(world, probes, grace);
    }

    private PodWorld Run(PodWorld world, string probes, int grace = 5)
    {
        world.Runtime.Exec = (_, request) => Answer(world, request);
        _start = world.Time.GetTimestamp();
        world.Start();
        string manifest = PodWorld.Manifest("web", each: probes, grace: grace);
        world.Put("web.yaml", probes.Contains("command: [ignore-term]", StringComparison.Ordinal)
            ? manifest.Replace("    command: [\"forever\"]\n", "", StringComparison.Ordinal).Replace("    command: [\"forever\"]\r\n", "", StringComparison.Ordinal)
            : manifest);
        return world;
    }

    private (string Output, int ExitCode) Answer(PodWorld world, ExecRequest request)
    {
        string what = request.Command[0];
        _asked.Add((Math.Round((world.Time.GetTimestamp() - _start) / (double)world.Time.TimestampFrequency, 3), what));
        if (_erring.Contains(what))
            throw new PodRuntimeException(RuntimeFailure.RunContainerError, "no such command");
        return _failing.Contains(what) ? (what + " says no\n", 1) : ("", 0);
    }
}
