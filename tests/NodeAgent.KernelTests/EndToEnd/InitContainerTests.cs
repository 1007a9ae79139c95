using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>Init containers through the real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class InitContainerTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Quick = "terminationGracePeriodSeconds: 1";
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Init_containers_run_one_after_the_other_and_the_status_column_counts_them()
    {
        using var life = new LifePod(Agent, "ordered", "one", "two");
        life.Apply(Quick,
            ("init:one", "echo one >> /out/told; read _ < /out/one", ""),
            ("init:two", "echo two >> /out/told; read _ < /out/two", ""),
            ("app", "echo app >> /out/told; " + AgentFixture.Serve, ""));
        List<string> columns = [];
        bool Reached(JsonNode pod, string column)
        {
            string now = LifePod.Column(pod);
            if (columns.Count == 0 || columns[^1] != now)
                columns.Add(now);
            return now == column && (column != "Running" || pod.IsReady());
        }

        JsonNode first = await Api.WaitForPodAsync("ordered", pod => Reached(pod, "Init:0/2") && pod.Runs("one"), "the first runs");
        await life.UntilToldAsync(1);
        Assert.Equal(["one"], life.Told);
        Assert.Equal(("Pending", "False ContainersNotInitialized", "False ContainersNotReady"), (first.Phase(), first.Condition("Initialized"), first.Condition("Ready")));
        Assert.Equal(("PodInitializing", "PodInitializing"), (first.WaitingReason("two"), first.WaitingReason("app")));
        Assert.Contains("Init:0/2", (await Agent.PodctlAsync("get", "pod", "ordered")).Checked().Output);

        await life.OpenAsync("one");
        JsonNode second = await Api.WaitForPodAsync("ordered", pod => Reached(pod, "Init:1/2") && pod.Runs("two"), "the second runs");
        await life.UntilToldAsync(2);
        Assert.Equal(["one", "two"], life.Told);
        Assert.Equal((0, "Completed"), (second.Terminated("one")!["exitCode"]!.GetValue<int>(), (string)second.Terminated("one")!["reason"]!));
        Assert.True(second.Container("one")["ready"]!.GetValue<bool>());
        Assert.Contains("Init:1/2", (await Agent.PodctlAsync("get", "pod", "ordered")).Checked().Output);

        Task<JsonNode> running = Api.WaitForPodAsync("ordered", pod => Reached(pod, "Running"), "running");
        await life.OpenAsync("two");
        JsonNode done = await running;
        await life.UntilToldAsync(3);
        Assert.Equal(["one", "two", "app"], life.Told);
        Assert.Equal(("Running", "True", "True", "True"), (done.Phase(), done.Condition("Initialized"), done.Condition("ContainersReady"), done.Condition("Ready")));
        Assert.Equal(["Init:0/2", "Init:1/2", "PodInitializing", "Running"], columns.SkipWhile(column => column == "Pending"));
        await fixture.DeleteAsync("ordered");
    }

    [Fact]
    public async Task A_failed_init_container_of_a_pod_that_never_restarts_fails_the_pod_and_no_other_container_starts()
    {
        using var life = new LifePod(Agent, "broken");
        life.Apply("restartPolicy: Never", ("init:one", "echo why > /dev/termination-log; exit 7", ""), ("init:two", "echo two >> /out/told", ""), ("app", "echo app >> /out/told", ""));
        JsonNode pod = await Api.WaitForPodAsync("broken", p => p.Phase() == "Failed", "Failed");

        Assert.Equal("Init:Error", LifePod.Column(pod));
        Assert.Equal((7, "why\n"), (pod.Terminated("one")!["exitCode"]!.GetValue<int>(), (string)pod.Terminated("one")!["message"]!));
        Assert.Equal(("PodInitializing", "PodInitializing"), (pod.WaitingReason("two"), pod.WaitingReason("app")));
        Assert.Equal(("False ContainersNotInitialized", "False PodFailed"), (pod.Condition("Initialized"), pod.Condition("Ready")));
        Assert.Empty(life.Told);
        await fixture.DeleteAsync("broken");
    }

    [Fact]
    public async Task A_failed_init_container_is_started_again_at_once_and_then_backs_off_until_it_succeeds()
    {
        using var life = new LifePod(Agent, "retried");
        life.Apply("restartPolicy: OnFailure\n" + Quick,
            ("init:one", "echo one >> /out/told; [ $(wc -l < /out/told) -ge 3 ]", ""), ("app", "echo app >> /out/told", ""));
        List<string> columns = [];
        JsonNode waits = await Api.WaitForPodAsync("retried", p =>
        {
            columns.Add(LifePod.Column(p));
            return columns[^1] == "Init:CrashLoopBackOff";
        }, "back-off");
        Assert.Equal(("Pending", 1), (waits.Phase(), waits.Restarts("one")));
        Assert.Equal("back-off 10s restarting failed container=one pod=retried_default(" + waits.PodUid() + ")", (string)waits.Container("one")["state"]!["waiting"]!["message"]!);
        Assert.Equal(1, waits.Container("one")["lastState"]!["terminated"]!["exitCode"]!.GetValue<int>());

        JsonNode done = await Api.WaitForPodAsync("retried", p => p.Phase() == "Succeeded", "Succeeded");
        Assert.Equal(["one", "one", "one", "app"], life.Told);
        Assert.Equal((2, "Completed", "True PodCompleted"), (done.Restarts("one"), LifePod.Column(done), done.Condition("Initialized")));
        Assert.True(Started(done, "one") - Finished(waits, "one") >= TimeSpan.FromSeconds(10), "the back-off was shorter than 10 s");
        await fixture.DeleteAsync("retried");
    }

    [Fact]
    public async Task An_agent_that_is_killed_between_init_containers_goes_on_where_it_was()
    {
        using var life = new LifePod(Agent, "resumed", "two");
        life.Apply(Quick,
            ("init:one", "echo one >> /out/told; [ $(wc -l < /out/told) -ge 2 ]", ""),
            ("init:two", "echo two >> /out/told; read _ < /out/two", ""),
            ("app", "echo app >> /out/told; " + AgentFixture.Serve, ""));
        JsonNode before = await Api.WaitForPodAsync("resumed", pod => pod.Runs("two"), "the second runs");
        Assert.Equal((1, 0), (before.Restarts("one"), before.Restarts("two")));

        await Agent.KillAsync();
        await life.OpenAsync("two");
        await Agent.StartAsync();
        JsonNode after = await Api.WaitForPodAsync("resumed", pod => pod.IsReady(), "Ready");

        await life.UntilToldAsync(4);
        Assert.Equal(["one", "one", "two", "app"], life.Told);
        Assert.Equal((1, 0, 0), (after.Restarts("one"), after.Restarts("two"), after.Restarts("app")));
        Assert.Equal(before.ContainerId("two"), after.ContainerId("two"));
        await fixture.DeleteAsync("resumed");
    }

    [Fact]
    public async Task A_pod_that_is_deleted_while_it_initializes_ends_with_its_grace_and_starts_nothing_more()
    {
        using var life = new LifePod(Agent, "given-up", "ready");
        life.Apply("terminationGracePeriodSeconds: 20",
            ("init:one", "trap 'echo asked >> /out/told; exit 0' TERM; echo one >> /out/told; read _ < /out/ready; sleep 1000 & wait", ""), ("app", "echo app >> /out/told", ""));
        await Api.WaitForPodAsync("given-up", pod => pod.Runs("one"), "initializing");
        await life.OpenAsync("ready");

        await fixture.DeleteAsync("given-up");

        Assert.Equal(["one", "asked"], life.Told);
    }

    private static DateTimeOffset Started(JsonNode pod, string container) => DateTimeOffset.Parse((string)pod.Terminated(container)!["startedAt"]!);

    private static DateTimeOffset Finished(JsonNode pod, string container) => DateTimeOffset.Parse((string)pod.Terminated(container)!["finishedAt"]!);
}
