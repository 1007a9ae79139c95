using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>
/// Resources of pods on a real daemon: resized while they run, refused when there is no room. Needs root, umoci, busybox-static and <c>make build</c>, but no
/// controllers: that the kernel enforces the values is shown in the test machine.
/// </summary>
public sealed class ResizeTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task A_resized_pod_keeps_its_processes_and_what_it_got_is_known_after_a_kill_of_the_agent()
    {
        Agent.Apply("resized.yaml", Pod("resized", "100m", "32Mi", "NotRequired"));
        JsonNode before = await Api.WaitForPodAsync("resized", pod => pod.Runs("main") && pod.Runs("side"), "running");
        (int, int) pids = Shells(before);

        Agent.Apply("resized.yaml", Pod("resized", "200m", "16Mi", "NotRequired"));
        JsonNode after = await Api.WaitForPodAsync("resized", pod => Limits(pod, "side") == "200m/16Mi" && !IsResizing(pod), "resized");
        AssertSame(before, after, pids);
        Assert.Equal("200m/16Mi", Limits(after, "main"));
        Assert.Equal(2, after["metadata"]!["generation"]!.GetValue<int>());
        string described = (await Agent.PodctlAsync("describe", "pod", "resized")).Checked().Output;
        Assert.Contains("ResizeStarted", described, StringComparison.Ordinal);
        Assert.Contains("ResizeCompleted", described, StringComparison.Ordinal);

        await Agent.KillAsync();
        await Agent.StartAsync();
        JsonNode again = await Api.WaitForPodAsync("resized", pod => pod.Runs("main"), "known again");
        AssertSame(before, again, pids);
        Assert.Equal(("200m/16Mi", "200m/16Mi"), (Limits(again, "main"), Limits(again, "side")));
        await fixture.DeleteAsync("resized");
    }

    [Fact]
    public async Task A_container_whose_policy_asks_for_it_restarts_alone()
    {
        Agent.Apply("restarts.yaml", Pod("restarts", "100m", "32Mi", "RestartContainer"));
        JsonNode before = await Api.WaitForPodAsync("restarts", pod => pod.Runs("main") && pod.Runs("side"), "running");
        Agent.Apply("restarts.yaml", Pod("restarts", "100m", "64Mi", "RestartContainer"));
        JsonNode after = await Api.WaitForPodAsync("restarts", pod => pod.Restarts("main") == 1 && pod.Runs("main") && Limits(pod, "side") == "100m/64Mi", "restarted");

        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.Equal("100m/64Mi", Limits(after, "main"));
        Assert.Equal((0, before.ContainerId("side")), (after.Restarts("side"), after.ContainerId("side")));
        await fixture.DeleteAsync("restarts");
    }

    [Fact]
    public async Task A_resize_beyond_the_node_is_told_and_changes_nothing()
    {
        Agent.Apply("greedy.yaml", Pod("greedy", "100m", "32Mi", "NotRequired"));
        JsonNode before = await Api.WaitForPodAsync("greedy", pod => pod.Runs("main"), "running");
        (int, int) pids = Shells(before);
        Agent.Apply("greedy.yaml", Pod("greedy", "4000", "32Mi", "NotRequired"));
        JsonNode after = await Api.WaitForPodAsync("greedy", pod => Condition(pod, "PodResizePending") is not null, "infeasible");

        Assert.Equal("Infeasible", Condition(after, "PodResizePending")!["reason"]!.GetValue<string>());
        Assert.Equal("100m/32Mi", Limits(after, "main"));
        AssertSame(before, after, pids);
        string described = (await Agent.PodctlAsync("describe", "pod", "greedy")).Checked().Output;
        Assert.Contains("Infeasible", described, StringComparison.Ordinal);
        Assert.Contains("Node didn't have enough capacity: cpu, requested: 8000000, capacity: ", described, StringComparison.Ordinal);
        await fixture.DeleteAsync("greedy");
    }

    [Fact]
    public async Task A_pod_that_does_not_fit_has_failed_and_runs_when_it_asks_for_less()
    {
        Agent.Apply("big.yaml", Pod("big", "4000", "32Mi", "NotRequired"));
        JsonNode refused = await Api.WaitForPodAsync("big", pod => pod.Phase() == "Failed", "refused");
        Assert.Equal("OutOfcpu", refused["status"]!["reason"]!.GetValue<string>());
        Assert.StartsWith("Pod was rejected: Node didn't have enough resource: cpu, requested: 8000000, used: ", refused["status"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("OutOfcpu", (await Agent.PodctlAsync("get", "pods")).Checked().Output, StringComparison.Ordinal);

        Agent.Apply("big.yaml", Pod("big", "100m", "32Mi", "NotRequired"));
        JsonNode runs = await Api.WaitForPodAsync("big", pod => pod.Runs("main"), "running");
        Assert.Equal(refused.PodUid(), runs.PodUid());
        await fixture.DeleteAsync("big");
    }

    private static string Pod(string name, string cpu, string memory, string memoryPolicy)
    {
        string resources = $"\n    resources: {{limits: {{cpu: '{cpu}', memory: {memory}}}}}";
        return AgentFixture.Pod(name, "terminationGracePeriodSeconds: 5", ("side", AgentFixture.Serve)) + resources
            + AgentFixture.Pod(name, "", ("main", AgentFixture.Serve)).Split("containers:")[1] + resources
            + $"\n    resizePolicy: [{{resourceName: memory, restartPolicy: {memoryPolicy}}}]";
    }

    private void AssertSame(JsonNode before, JsonNode after, (int Main, int Side) pids)
    {
        Assert.Equal(before.PodUid(), after.PodUid());
        foreach (string container in new[] { "main", "side" })
        {
            Assert.Equal(0, after.Restarts(container));
            Assert.Equal(before.ContainerId(container), after.ContainerId(container));
        }

        Assert.Equal(pids, Shells(after));
    }

    /// <summary>The first process of either container.</summary>
    private (int Main, int Side) Shells(JsonNode pod) => (Agent.ContainerPids(pod.ContainerId("main")).Min(), Agent.ContainerPids(pod.ContainerId("side")).Min());

    private static string Limits(JsonNode pod, string container)
    {
        JsonNode? limits = pod.TryContainer(container)?["resources"]?["limits"];
        return $"{limits?["cpu"]}/{limits?["memory"]}";
    }

    private static bool IsResizing(JsonNode pod) => Condition(pod, "PodResizeInProgress") is not null;

    private static JsonNode? Condition(JsonNode pod, string type) =>
        pod["status"]!["conditions"]!.AsArray().FirstOrDefault(condition => condition!["type"]!.GetValue<string>() == type);
}
