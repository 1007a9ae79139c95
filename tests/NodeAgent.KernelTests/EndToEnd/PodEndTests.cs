using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>How pods and containers are ended, and what the status says of it, through the real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class PodEndTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task A_pod_that_is_active_for_longer_than_its_deadline_fails_with_DeadlineExceeded()
    {
        using var life = new LifePod(Agent, "deadline");
        life.Apply("activeDeadlineSeconds: 4\nterminationGracePeriodSeconds: 1", ("app", Listen("TERM"), ""), ("deaf", "trap '' TERM; while :; do sleep 1000 & wait; done", ""));
        JsonNode running = await Api.WaitForPodAsync("deadline", p => p.IsReady(), "Ready");
        JsonNode ending = await Api.WaitForPodAsync("deadline", p => p.Condition("Ready") == "False PodFailed", "the deadline");
        Assert.Equal(("Running", true), (ending.Phase(), ending.Runs("deaf")));
        JsonNode pod = await Api.WaitForPodAsync("deadline", p => p.Phase() == "Failed" && p.Terminated("app") is not null, "Failed");

        // kubectl shows how the first container ended rather than the pod's reason.
        Assert.Equal(("DeadlineExceeded", "Completed"), ((string)pod["status"]!["reason"]!, LifePod.Column(pod)));
        Assert.Equal(("False PodFailed", "False PodFailed"), (pod.Condition("Ready"), pod.Condition("ContainersReady")));
        Assert.Equal((0, "Completed"), (Code(pod, "app"), Reason(pod, "app")));
        // Nothing but SIGKILL could end it.
        Assert.Equal((137, "Error"), (Code(pod, "deaf"), Reason(pod, "deaf")));
        Assert.Equal(["listens", "TERM"], life.Told);
        DateTimeOffset started = DateTimeOffset.Parse((string)running["status"]!["startTime"]!), ended = DateTimeOffset.Parse((string)pod.Terminated("app")!["finishedAt"]!);
        Assert.True(ended - started >= TimeSpan.FromSeconds(3.9), $"it ended after {ended - started}");
        await fixture.DeleteAsync("deadline");
    }

    [Fact]
    public async Task The_stop_signal_is_that_of_the_container_before_that_of_the_image_before_SIGTERM()
    {
        const string name = "localhost/stops-with-usr1:1";
        string rootfs = Agent.Root + "/stop.tar";
        (await CommandResult.RunAsync("sh", ["-c", $"mkdir -p {Agent.Root}/stop/bin && cp /bin/busybox {Agent.Root}/stop/bin/ && for a in sh sleep; do ln -s busybox {Agent.Root}/stop/bin/$a; done && tar -C {Agent.Root}/stop -cf {rootfs} ."])).Checked();
        (await Agent.PodctlAsync("image", "import", rootfs, name, "--change", "STOPSIGNAL SIGUSR1", "--change", "ENV PATH=/bin")).Checked();
        using var life = new LifePod(Agent, "signals") { Image = name };
        life.Apply("os: {name: linux}\nterminationGracePeriodSeconds: 20",
            ("init:own", Listen("TERM", "USR1", "USR2"), "restartPolicy: Always\nlifecycle: {stopSignal: SIGUSR2}\nimagePullPolicy: Never"),
            ("image", Listen("TERM", "USR1", "USR2"), "imagePullPolicy: Never"));
        JsonNode pod = await Api.WaitForPodAsync("signals", p => p.IsReady(), "Ready");
        await life.UntilToldAsync(2);
        Assert.Equal("SIGUSR2", (string)pod.Container("own")["stopSignal"]!);
        await fixture.DeleteAsync("signals");
        Assert.Equal(["USR1", "USR2"], life.Told.TakeLast(2));
    }

    private static string Listen(params string[] signals) =>
        string.Concat(signals.Select(signal => $"trap 'echo {signal} >> /out/told; exit 0' {signal}; ")) + "echo listens >> /out/told; while :; do sleep 1000 & wait; done";

    private static int Code(JsonNode pod, string container) => pod.Container(container)["state"]!["terminated"]!["exitCode"]!.GetValue<int>();

    private static string Reason(JsonNode pod, string container) => (string)pod.Container(container)["state"]!["terminated"]!["reason"]!;
}
