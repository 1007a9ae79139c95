using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>kill -9 of the daemon under running pods, and a new start: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class SurvivalTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Serve = AgentFixture.Serve;
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task The_same_pids_run_after_the_agent_was_killed_and_no_restart_is_counted()
    {
        Agent.Apply("survives.yaml", AgentFixture.Pod("survives", "terminationGracePeriodSeconds: 1", ("a", Serve), ("b", Serve)));
        JsonNode before = await Api.WaitForPodAsync("survives", pod => pod.Runs("a") && pod.Runs("b"), "both running");
        int pidOfA = Agent.ContainerPids(before.ContainerId("a"))[0], pidOfB = Agent.ContainerPids(before.ContainerId("b"))[0];

        await Agent.KillAsync();
        await Agent.StartAsync();
        JsonNode after = await Api.WaitForPodAsync("survives", pod => pod.Runs("a") && pod.Runs("b"), "both running still");

        Assert.Equal(pidOfA, Agent.ContainerPids(after.ContainerId("a"))[0]);
        Assert.Equal(pidOfB, Agent.ContainerPids(after.ContainerId("b"))[0]);
        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.Equal((0, 0), (after.Restarts("a"), after.Restarts("b")));
        Assert.Equal(before.Container("a")["state"]!.ToJsonString(), after.Container("a")["state"]!.ToJsonString());
        await Delete("survives");
    }

    [Fact]
    public async Task An_exit_while_the_agent_was_dead_is_reported_with_its_code_and_time()
    {
        Agent.Apply("meanwhile.yaml", AgentFixture.Pod("meanwhile", "restartPolicy: Never", ("main", "trap 'exit 42' TERM; while :; do sleep 1000 & wait; done")));
        JsonNode before = await Api.WaitForPodAsync("meanwhile", pod => pod.Runs("main"), "running");
        int pid = Agent.ContainerPids(before.ContainerId("main"))[0];

        await Agent.KillAsync();
        DateTimeOffset killedAt = DateTimeOffset.UtcNow;
        (await CommandResult.RunAsync("kill", ["-TERM", pid.ToString()])).Checked();
        await AgentProcess.WaitForExitOfAsync(pid);
        DateTimeOffset goneAt = DateTimeOffset.UtcNow;
        await Agent.StartAsync();
        JsonNode after = await Api.WaitForPodAsync("meanwhile", pod => pod.Phase() == "Failed", "Failed");

        JsonNode terminated = after.Terminated("main")!;
        Assert.Equal(42, terminated["exitCode"]!.GetValue<int>());
        Assert.Equal(0, after.Restarts("main"));
        var finishedAt = DateTimeOffset.Parse(terminated["finishedAt"]!.GetValue<string>());
        Assert.InRange(finishedAt, killedAt.AddSeconds(-1), goneAt.AddSeconds(1));
        await Delete("meanwhile");
    }

    [Fact]
    public async Task Logs_have_no_hole_where_the_agent_was_dead()
    {
        Agent.Apply("logs.yaml", AgentFixture.Pod("logs", "terminationGracePeriodSeconds: 1\nrestartPolicy: Never",
            ("main", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && usleep 10000; done; exit 0")));
        await Api.WaitForPodAsync("logs", pod => pod.Runs("main"), "running");

        await Agent.KillAsync();
        await Agent.StartAsync();
        await Api.WaitForPodAsync("logs", pod => pod.Phase() == "Succeeded", "Succeeded");

        string[] lines = (await Agent.PodctlAsync("logs", "logs")).Checked().Output.TrimEnd('\n').Split('\n');
        Assert.Equal(Enumerable.Range(0, 3000).Select(i => "line " + i), lines);
        await Delete("logs");
    }

    [Fact]
    public async Task A_pod_whose_manifest_went_while_the_agent_was_dead_is_ended_with_its_own_grace()
    {
        Agent.Apply("orphan.yaml", AgentFixture.Pod("orphan", "terminationGracePeriodSeconds: 10", ("main", "trap 'echo asked to stop; exit 0' TERM; while :; do sleep 1000 & wait; done")));
        JsonNode before = await Api.WaitForPodAsync("orphan", pod => pod.Runs("main"), "running");
        int pid = Agent.ContainerPids(before.ContainerId("main"))[0];

        await Agent.KillAsync();
        Agent.Delete("orphan.yaml");
        Assert.True(Directory.Exists("/proc/" + pid));
        await Agent.StartAsync();
        await Api.WaitForPodGoneAsync("orphan");

        Assert.False(Directory.Exists("/proc/" + pid));
    }

    [Fact]
    public async Task An_agent_that_is_killed_again_and_again_while_pods_start_ends_up_with_all_of_them_running_once()
    {
        const int pods = 8;
        for (int round = 0; round < 4; round++)
        {
            for (int pod = 0; pod < pods / 4; pod++)
            {
                string name = $"storm-{round * pods / 4 + pod}";
                Agent.Apply(name + ".yaml", AgentFixture.Pod(name, "terminationGracePeriodSeconds: 1", ("main", Serve)));
            }

            // No wait on purpose: the kill is to hit starts half-way.
            await Agent.KillAsync();
            await Agent.StartAsync();
        }

        for (int pod = 0; pod < pods; pod++)
        {
            JsonNode running = await Api.WaitForPodAsync($"storm-{pod}", p => p.Runs("main"), "running");
            Assert.Single(Agent.ContainerPids(running.ContainerId("main")), pid => File.ReadAllText($"/proc/{pid}/cmdline").Contains("trap", StringComparison.Ordinal));
        }

        for (int pod = 0; pod < pods; pod++)
            await Delete($"storm-{pod}");
    }

    private Task Delete(string name) => fixture.DeleteAsync(name);
}
