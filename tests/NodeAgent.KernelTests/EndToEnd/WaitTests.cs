using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>podctl wait on a real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class WaitTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;

    [Fact]
    public async Task A_wait_sees_a_pod_come_run_and_go()
    {
        Task<CommandResult> created = Agent.PodctlAsync("wait", "pod/waited", "--for=create", "--timeout=1m");
        Agent.Apply("waited.yaml", AgentFixture.Pod("waited", "", ("main", AgentFixture.Serve)));
        Assert.Equal("pod/waited condition met\n", (await created).Checked().Output);
        (await Agent.PodctlAsync("wait", "pod/waited", "--for=condition=Ready", "--timeout=1m")).Checked();
        (await Agent.PodctlAsync("wait", "pods", "--all", "--for=jsonpath={.status.phase}=Running", "--timeout=0")).Checked();

        CommandResult late = await Agent.PodctlAsync("wait", "pod/waited", "--for=jsonpath={.status.phase}=Failed", "--timeout=100ms");
        Assert.Equal((1, "podctl: wait: jsonpath={.status.phase}=Failed not met within 100ms: pod/waited: it is Running\n"), (late.ExitCode, late.Error));

        Task<CommandResult> gone = Agent.PodctlAsync("wait", "pod/waited", "--for=delete", "--timeout=1m");
        Agent.Delete("waited.yaml");
        Assert.Equal("pod/waited condition met\n", (await gone).Checked().Output);
        Assert.Equal(3, (await Agent.PodctlAsync("wait", "pod/waited", "--for=condition=Ready")).ExitCode);
    }
}
