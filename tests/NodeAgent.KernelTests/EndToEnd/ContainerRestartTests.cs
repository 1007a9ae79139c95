using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>restartPolicy and restartPolicyRules of single containers through the real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class ContainerRestartTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Each_container_follows_its_own_policy_before_the_pods()
    {
        using var life = new LifePod(fixture.Agent, "mixed", "end");
        life.Apply("restartPolicy: Never\nterminationGracePeriodSeconds: 1",
            ("once", "echo once >> /out/told; exit 3", ""),
            ("failing", "echo failing >> /out/told; [ $(grep -c failing /out/told) -ge 2 ]", "restartPolicy: OnFailure"),
            ("always", "echo always >> /out/told; [ $(grep -c always /out/told) -ge 2 ] && read _ < /out/end; exit 0", "restartPolicy: Always"));
        JsonNode pod = await Api.WaitForPodAsync("mixed", p => p.Runs("always") && p.Restarts("always") == 1 && Ended(p, "failing") == 0 && Ended(p, "once") == 3, "restarted");
        await life.UntilToldAsync(5);

        Assert.Equal(["always", "always", "failing", "failing", "once"], life.Told.Order());
        Assert.Equal((0, 1, 1), (pod.Restarts("once"), pod.Restarts("failing"), pod.Restarts("always")));
        Assert.Equal("Running", pod.Phase());
        await fixture.DeleteAsync("mixed");
    }

    [Fact]
    public async Task A_rule_restarts_a_container_that_its_policy_would_not()
    {
        using var life = new LifePod(fixture.Agent, "ruled");
        life.Apply("restartPolicy: Never",
            ("app", "echo app >> /out/told; [ $(wc -l < /out/told) -ge 2 ] && exit 6; exit 42", "restartPolicy: Never\n" + Rule("Restart", "In", 42)));
        JsonNode pod = await Api.WaitForPodAsync("ruled", p => p.Phase() == "Failed", "Failed");

        Assert.Equal((1, 6), (pod.Restarts("app"), Ended(pod, "app")));
        Assert.Equal(42, pod.Container("app")["lastState"]!["terminated"]!["exitCode"]!.GetValue<int>());
        Assert.Equal(["app", "app"], life.Told);
        await fixture.DeleteAsync("ruled");
    }

    [Fact]
    public async Task A_rule_restarts_all_containers_of_the_pod_init_containers_first_in_the_same_sandbox()
    {
        using var life = new LifePod(fixture.Agent, "anew", "fail");
        life.Apply("restartPolicy: Never\nterminationGracePeriodSeconds: 5",
            ("init:setup", "echo setup >> /out/told", ""),
            ("init:side", "echo side >> /out/told; " + AgentFixture.Serve, "restartPolicy: Always"),
            ("app", "echo app >> /out/told; [ $(grep -c app /out/told) -ge 2 ] || { read _ < /out/fail; exit 88; }\n" + AgentFixture.Serve,
                "restartPolicy: Never\n" + Rule("RestartAllContainers", "In", 88)),
            ("log", "echo log >> /out/told; " + AgentFixture.Serve, ""));
        JsonNode before = await Api.WaitForPodAsync("anew", p => p.IsReady(), "Ready");
        Assert.Equal("False", before.Condition("AllContainersRestarting"));
        Task<JsonNode> restarting = Api.WaitForPodAsync("anew", p => p.Condition("AllContainersRestarting") == "True RestartAllContainersStarted", "the restart");
        await life.UntilToldAsync(4);
        await life.OpenAsync("fail");
        await restarting;
        JsonNode after = await Api.WaitForPodAsync("anew", p => p.IsReady() && p.Restarts("app") == 1, "everything runs again");
        Assert.Equal("False", after.Condition("AllContainersRestarting"));

        Assert.Equal(before["status"]!["startTime"]!.ToJsonString(), after["status"]!["startTime"]!.ToJsonString());
        Assert.Equal((1, 1, 1, 1), (after.Restarts("setup"), after.Restarts("side"), after.Restarts("app"), after.Restarts("log")));
        await life.UntilToldAsync(8);
        string[] second = [.. life.Told.Skip(4)];
        Assert.Equal(["setup", "side"], [second[0], .. second[1..].Where(line => line == "side")]);
        Assert.Equal(["app", "log", "setup", "side"], second.Order());
        await fixture.DeleteAsync("anew");
    }

    private static string Rule(string action, string op, int code) => $"restartPolicyRules: [{{action: {action}, exitCodes: {{operator: {op}, values: [{code}]}}}}]";

    private static int Ended(JsonNode pod, string container) => pod.TryContainer(container)?["state"]?["terminated"]?["exitCode"]?.GetValue<int>() ?? -1;
}
