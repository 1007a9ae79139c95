using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>Sidecars (init containers with restartPolicy Always) through the real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class SidecarTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Sidecar = "restartPolicy: Always";
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task A_sidecar_releases_the_next_container_as_soon_as_it_runs()
    {
        using var life = new LifePod(Agent, "released", "side", "two");
        life.Apply("terminationGracePeriodSeconds: 1",
            ("init:side", "read _ < /out/side; echo side >> /out/told; " + AgentFixture.Serve, Sidecar),
            ("init:two", "echo two >> /out/told; read _ < /out/two", ""),
            ("app", "echo app >> /out/told; " + AgentFixture.Serve, ""));

        JsonNode second = await Api.WaitForPodAsync("released", pod => pod.Runs("two"), "the second runs");
        Assert.True(second.Runs("side"));
        Assert.Equal((true, true), (second.Container("side")["started"]!.GetValue<bool>(), second.Container("side")["ready"]!.GetValue<bool>()));
        Assert.Equal(("Init:1/2", "Pending", "False ContainersNotInitialized"), (LifePod.Column(second), second.Phase(), second.Condition("Initialized")));
        await life.OpenAsync("side");
        await life.OpenAsync("two");

        JsonNode done = await Api.WaitForPodAsync("released", pod => pod.IsReady(), "Ready");
        await life.UntilToldAsync(3);
        Assert.Equal(["app", "side", "two"], life.Told.Order());
        Assert.Contains("2/2", (await Agent.PodctlAsync("get", "pod", "released")).Checked().Output);
        Assert.Equal("Running", LifePod.Column(done));
        await fixture.DeleteAsync("released");
    }

    [Fact]
    public async Task A_sidecar_of_a_job_is_started_again_ends_after_the_job_in_reverse_order_and_never_makes_it_fail()
    {
        using var life = new LifePod(Agent, "job", "crash", "app");
        life.Apply("restartPolicy: Never\nterminationGracePeriodSeconds: 30",
            ("init:first", Slow("first", 3), Sidecar),
            ("init:second", "[ -e /out/crashed ] || { read _ < /out/crash; touch /out/crashed; exit 5; }\n" + Slow("second", 4), Sidecar),
            ("app", "read _ < /out/app; echo app ends >> /out/told", ""));
        await Api.WaitForPodAsync("job", pod => pod.Runs("app"), "running");

        await life.OpenAsync("crash");
        JsonNode again = await Api.WaitForPodAsync("job", pod => pod.Restarts("second") == 1 && pod.Runs("second"), "the sidecar runs again");
        Assert.Equal((5, "Running"), (again.Container("second")["lastState"]!["terminated"]!["exitCode"]!.GetValue<int>(), again.Phase()));
        // Both have said that they listen for their stop signal.
        await life.UntilToldAsync(2);
        await life.OpenAsync("app");
        JsonNode done = await Api.WaitForPodAsync("job", pod => pod.Phase() is "Succeeded" or "Failed", "a terminal phase");

        Assert.Equal(["app ends", "second is asked", "second ends", "first is asked", "first ends"], life.Told.Where(line => !line.EndsWith("begins", StringComparison.Ordinal)));
        Assert.Equal(("Succeeded", "Completed"), (done.Phase(), LifePod.Column(done)));
        Assert.Equal((3, 4), (Code(done, "first"), Code(done, "second")));
        Assert.Equal((0, 1, 0), (done.Restarts("first"), done.Restarts("second"), done.Restarts("app")));
        Assert.True(Finished(done, "app") <= Finished(done, "second") && Finished(done, "second") <= Finished(done, "first"), "the times do not tell the order");
        await fixture.DeleteAsync("job");
    }

    [Fact]
    public async Task Sidecars_of_a_deleted_pod_are_asked_to_stop_when_the_main_containers_have_ended_last_one_first()
    {
        using var life = new LifePod(Agent, "deleted");
        life.Apply("terminationGracePeriodSeconds: 30",
            ("init:first", Slow("first", 0), Sidecar), ("init:second", Slow("second", 0), Sidecar), ("app", Slow("app", 0), ""), ("log", Slow("log", 0), ""));
        await Api.WaitForPodAsync("deleted", pod => pod.IsReady(), "Ready");
        await life.UntilToldAsync(4);

        await fixture.DeleteAsync("deleted");

        string[] told = [.. life.Told.Skip(4)];
        Assert.Equal(["app is asked", "log is asked"], told[..2].Order());
        Assert.Equal(["app ends", "log ends"], told[2..4].Order());
        Assert.Equal(["second is asked", "second ends", "first is asked", "first ends"], told[4..]);
    }

    [Fact]
    public async Task Sidecars_that_find_no_grace_left_are_killed_with_the_rest()
    {
        using var life = new LifePod(Agent, "late");
        life.Apply("terminationGracePeriodSeconds: 2",
            ("init:side", Slow("side", 0), Sidecar), ("app", "trap 'echo app is asked >> /out/told' TERM; echo app begins >> /out/told; while :; do sleep 1000 & wait; done", ""));
        await Api.WaitForPodAsync("late", pod => pod.IsReady(), "Ready");
        await life.UntilToldAsync(2);

        var clock = System.Diagnostics.Stopwatch.StartNew();
        await fixture.DeleteAsync("late");

        Assert.InRange(clock.Elapsed.TotalSeconds, 1.9, 8);
        Assert.Equal("app is asked", life.Told[2]);
    }

    /// <summary>Takes a while to end, so that two that end at the same time overlap.</summary>
    private static string Slow(string name, int code) =>
        $"trap 'echo {name} is asked >> /out/told; usleep 300000; echo {name} ends >> /out/told; exit {code}' TERM; echo {name} begins >> /out/told; while :; do sleep 1000 & wait; done";

    private static int Code(JsonNode pod, string container) => pod.Container(container)["state"]!["terminated"]!["exitCode"]!.GetValue<int>();

    private static DateTimeOffset Finished(JsonNode pod, string container) => DateTimeOffset.Parse((string)pod.Terminated(container)!["finishedAt"]!);
}
