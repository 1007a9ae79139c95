using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>Limits on disk, with real files on a real disk: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class LocalStorageTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Write2Mi = "dd if=/dev/zero of=$0 bs=64k count=32 2>/dev/null; ";
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Whoever_outgrows_its_volume_its_own_limit_or_the_pod_s_is_evicted_and_stays_so_over_a_restart_of_the_agent()
    {
        const string volume = "volumes: [{name: data, emptyDir: {sizeLimit: 1Mi}}]\nterminationGracePeriodSeconds: 30";
        const string limits = "\n    resources: {limits: {ephemeral-storage: 1Mi}}";
        Agent.Apply("volume.yaml", AgentFixture.Pod("volume", volume, ("main", Write2Mi.Replace("$0", "/data/file") + AgentFixture.Serve)) + "\n    volumeMounts: [{name: data, mountPath: /data}]");
        Agent.Apply("files.yaml", AgentFixture.Pod("files", "", ("other", AgentFixture.Serve), ("main", Write2Mi.Replace("$0", "/file") + AgentFixture.Serve)) + limits);
        Agent.Apply("logs.yaml", AgentFixture.Pod("logs", "", ("main", "yes | head -c 2097152; " + AgentFixture.Serve)) + limits);
        Agent.Apply("fits.yaml", AgentFixture.Pod("fits", volume, ("main", "truncate -s 9M /data/hole; dd if=/dev/zero of=/data/file bs=64k count=8 2>/dev/null; " + AgentFixture.Serve))
            + "\n    volumeMounts: [{name: data, mountPath: /data}]" + limits.Replace("1Mi", "3Mi"));
        JsonNode running = await Api.WaitForPodAsync("volume", pod => pod.Runs("main") || pod.Phase() == "Failed", "running");

        await Evicted("volume", "Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". ");
        await Evicted("files", "Container main exceeded its local ephemeral storage limit \"1Mi\". ");
        await Evicted("logs", "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ");
        Assert.Empty(Agent.ContainerPids(running.ContainerId("main")));
        Assert.Contains("Evicted", (await Agent.PodctlAsync("get", "events")).Checked().Output);
        await Api.WaitForPodAsync("fits", pod => pod.Runs("main"), "running");

        await Agent.KillAsync();
        await Agent.StartAsync();
        await Evicted("volume", "Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". ");
        foreach (string name in new[] { "volume", "files", "logs", "fits" })
            await fixture.DeleteAsync(name);
    }

    [Fact]
    public async Task The_node_shows_its_conditions_with_the_reasons_that_tools_look_for()
    {
        JsonNode node = (await Api.GetAsync("/api/v1/nodes"))["items"]![0]!;
        string[] conditions = [.. node["status"]!["conditions"]!.AsArray().Select(c => $"{c!["type"]}={c["status"]} {c["reason"]}")];
        Assert.Contains("MemoryPressure=False KubeletHasSufficientMemory", conditions);
        Assert.Contains("DiskPressure=False KubeletHasNoDiskPressure", conditions);
        Assert.Contains("PIDPressure=False KubeletHasSufficientPID", conditions);
        Assert.Contains("Ready=True KubeletReady", conditions);
    }

    private async Task Evicted(string name, string message)
    {
        JsonNode pod = await Api.WaitForPodAsync(name, pod => pod.Phase() == "Failed" && !pod.Runs("main"), "Failed");
        Assert.Equal(("Evicted", message), (pod["status"]!["reason"]!.GetValue<string>(), pod["status"]!["message"]!.GetValue<string>()));
    }
}
