using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>podctl drain and uncordon on a real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class DrainTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task A_drain_ends_the_pods_over_a_kill_of_the_agent_and_uncordon_starts_them_with_their_volumes()
    {
        const string keeps = "[ -e /data/mark ] && echo found; echo x > /data/mark; " + AgentFixture.Serve;
        string manifest = AgentFixture.Pod("drained", "terminationGracePeriodSeconds: 20\nvolumes: [{name: data, emptyDir: {}}]", ("main", keeps))
            + "\n    volumeMounts: [{name: data, mountPath: /data}]";
        Agent.Apply("drained.yaml", manifest);
        Agent.Apply("stubborn.yaml", AgentFixture.Pod("stubborn", "terminationGracePeriodSeconds: 4", ("main", "trap '' TERM; while :; do sleep 1000; done")));
        JsonNode before = await Api.WaitForPodAsync("drained", pod => pod.Runs("main"), "running");
        JsonNode stubborn = await Api.WaitForPodAsync("stubborn", pod => pod.Runs("main"), "running");

        CommandResult late = await Agent.PodctlAsync("drain", "--timeout", "1s");
        Assert.Equal(1, late.ExitCode);
        Assert.Contains("still running: default/stubborn", late.Error);
        await Agent.KillAsync();
        await Agent.StartAsync();
        CommandResult drained = (await Agent.PodctlAsync("drain", "--timeout", "1m")).Checked();

        Assert.Contains("pod/default/stubborn ended\nno pod runs\n", drained.Output);
        Assert.Empty(Agent.ContainerPids(before.ContainerId("main")));
        Assert.Empty(Agent.ContainerPids(stubborn.ContainerId("main")));
        Assert.Contains("NodeDrained", (await Agent.PodctlAsync("get", "pods")).Checked().Output);
        Assert.Contains("Ready,SchedulingDisabled", (await Agent.PodctlAsync("get", "node")).Checked().Output);

        (await Agent.PodctlAsync("uncordon")).Checked();
        JsonNode after = await Api.WaitForPodAsync("drained", pod => pod.Runs("main"), "running again");
        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.Equal(1, after.Restarts("main"));
        Assert.Equal("found\n", (await Agent.PodctlAsync("logs", "drained")).Checked().Output);
        await Api.WaitForPodAsync("stubborn", pod => pod.Runs("main"), "running again");
        Assert.DoesNotContain("SchedulingDisabled", (await Agent.PodctlAsync("get", "node")).Checked().Output);
        await fixture.DeleteAsync("drained");
        await fixture.DeleteAsync("stubborn");
    }
}
