using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>kill -9 of the process that holds a pod's sandbox, under the real daemon and without it: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class SandboxDeathTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Theory]
    [InlineData("alive")]
    [InlineData("dead")]
    public async Task A_pod_whose_sandbox_dies_starts_anew_with_its_init_containers_while_the_agent_is(string agent)
    {
        string name = "sandbox-" + agent;
        using var life = new LifePod(Agent, name);
        Apply(life, "Always");
        JsonNode before = await Api.WaitForPodAsync(name, p => p.IsReady(), "Ready");
        await life.UntilToldAsync(3);

        if (agent == "dead")
            await Agent.KillAsync();
        LifePod.KillShim(Agent, before);
        if (agent == "dead")
            await Agent.StartAsync();
        JsonNode after = await Api.WaitForPodAsync(name, p => p.IsReady() && p.Restarts("app") == 1, "everything runs again");

        await life.UntilToldAsync(6);
        Assert.Equal(["app", "setup", "side"], life.Told[..3].Order());
        Assert.Equal("setup", life.Told[3]);
        Assert.Equal(["app", "side"], life.Told[4..].Order());
        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.Equal((1, 1, 1), (after.Restarts("setup"), after.Restarts("side"), after.Restarts("app")));
        Assert.Equal(137, after.Container("app")["lastState"]!["terminated"]!["exitCode"]!.GetValue<int>());
        Assert.Empty(Agent.ContainerPids(before.ContainerId("app")));
        Assert.Contains("SandboxChanged", (await Agent.PodctlAsync("describe", "pod", name)).Checked().Output);
        await fixture.DeleteAsync(name);
    }

    [Fact]
    public async Task A_container_that_dies_restarts_alone_and_no_init_container_runs_again()
    {
        using var life = new LifePod(Agent, "alone");
        Apply(life, "Always");
        JsonNode before = await Api.WaitForPodAsync("alone", p => p.IsReady(), "Ready");
        await life.UntilToldAsync(3);
        System.Diagnostics.Process.GetProcessById(Agent.ContainerPids(before.ContainerId("app"))[0]).Kill();
        JsonNode after = await Api.WaitForPodAsync("alone", p => p.IsReady() && p.Restarts("app") == 1, "it runs again");

        await life.UntilToldAsync(4);
        Assert.Equal(["app", "app", "setup", "side"], life.Told.Order());
        Assert.Equal((0, 0), (after.Restarts("setup"), after.Restarts("side")));
        Assert.Equal(before.ContainerId("side"), after.ContainerId("side"));
        await fixture.DeleteAsync("alone");
    }

    [Fact]
    public async Task A_pod_that_never_restarts_fails_when_its_sandbox_dies_and_nothing_runs_twice()
    {
        using var life = new LifePod(Agent, "never");
        Apply(life, "Never");
        JsonNode before = await Api.WaitForPodAsync("never", p => p.IsReady(), "Ready");
        await life.UntilToldAsync(3);
        LifePod.KillShim(Agent, before);
        JsonNode after = await Api.WaitForPodAsync("never", p => p.Phase() == "Failed", "Failed");

        Assert.Equal((137, 0), (after.Terminated("app")!["exitCode"]!.GetValue<int>(), after.Restarts("app")));
        Assert.Equal("False PodFailed", after.Condition("Ready"));
        Assert.Equal(3, life.Told.Length);
        await fixture.DeleteAsync("never");
    }

    [Fact]
    public async Task A_pod_that_never_restarts_and_loses_its_sandbox_while_it_initializes_fails_and_says_so()
    {
        using var life = new LifePod(Agent, "early", "gate");
        life.Apply("restartPolicy: Never\nterminationGracePeriodSeconds: 1", ("init:one", "read _ < /out/gate", ""), ("app", "echo app >> /out/told", ""));
        JsonNode before = await Api.WaitForPodAsync("early", p => p.Runs("one"), "initializing");
        LifePod.KillShim(Agent, before);
        JsonNode after = await Api.WaitForPodAsync("early", p => p.Phase() == "Failed", "Failed");

        Assert.Equal(137, after.Terminated("one")!["exitCode"]!.GetValue<int>());
        Assert.Empty(life.Told);
        Assert.Equal("", (string?)after["status"]!["reason"] ?? "");
        await fixture.DeleteAsync("early");
    }

    private static void Apply(LifePod life, string policy) => life.Apply($"restartPolicy: {policy}\nterminationGracePeriodSeconds: 1",
        ("init:setup", "echo setup >> /out/told", ""),
        ("init:side", "echo side >> /out/told; " + AgentFixture.Serve, "restartPolicy: Always"),
        ("app", "echo app >> /out/told; " + AgentFixture.Serve, ""));
}
