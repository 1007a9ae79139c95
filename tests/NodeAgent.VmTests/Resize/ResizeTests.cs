using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Resize;

/// <summary>Pods that are resized while they run, where the kernel enforces what they get.</summary>
public sealed class ResizeTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    [Fact]
    public async Task New_limits_stand_in_the_files_of_the_cgroups_and_the_process_is_the_same()
    {
        await Agent.ApplyAsync("web.yaml", Pod("200m", "64Mi", "NotRequired"));
        JsonNode before = await Agent.WaitForRunningAsync("web");
        Assert.Equal(["20000 100000", "67108864", "20000 100000", "67108864"], await FilesAsync(before));
        string process = await ProcessAsync(before);

        await Agent.ApplyAsync("web.yaml", Pod("500m", "32Mi", "NotRequired"));
        JsonNode after = await ResizedAsync("500m", "32Mi");
        Assert.Equal(["50000 100000", "33554432", "50000 100000", "33554432"], await FilesAsync(after));
        Assert.Equal((process, before.PodUid(), 0), (await ProcessAsync(after), after.PodUid(), after.Restarts("main")));

        await Machine.OutputAsync("systemctl restart podagent.service");
        JsonNode again = await Agent.WaitForRunningAsync("web");
        Assert.Equal(["50000 100000", "33554432", "50000 100000", "33554432"], await FilesAsync(again));
        Assert.Equal((process, "500m/32Mi"), (await ProcessAsync(again), Limits(again)));
        Assert.Equal("", await Agent.JournalErrorsAsync());
    }

    [Fact]
    public async Task A_container_that_restarts_for_its_memory_is_another_process_under_the_new_limit()
    {
        await Agent.ApplyAsync("web.yaml", Pod("200m", "64Mi", "RestartContainer"));
        JsonNode before = await Agent.WaitForRunningAsync("web");
        await Agent.ApplyAsync("web.yaml", Pod("200m", "128Mi", "RestartContainer"));
        JsonNode after = await Agent.Api.WaitForPodAsync("web", pod => pod.Restarts("main") == 1 && pod.Runs("main") && Condition(pod, "PodResizeInProgress") is null, "restarted");

        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.NotEqual(before.ContainerId("main"), after.ContainerId("main"));
        Assert.Equal(["20000 100000", "134217728", "20000 100000", "134217728"], await FilesAsync(after));
    }

    [Fact]
    public async Task A_memory_limit_below_the_use_waits_until_the_use_has_fallen_and_nothing_is_killed()
    {
        await Agent.ApplyAsync("web.yaml", Pod("200m", "64Mi", "NotRequired"));
        JsonNode before = await Agent.WaitForRunningAsync("web");
        await Agent.PodctlAsync("exec web -- dd if=/dev/zero of=/dev/shm/fill bs=1M count=40");
        await Agent.ApplyAsync("web.yaml", Pod("200m", "24Mi", "NotRequired"));
        JsonNode waiting = await Agent.Api.WaitForPodAsync("web", pod => Condition(pod, "PodResizeInProgress")?["reason"] is not null, "in error");
        Assert.Equal("Error", Condition(waiting, "PodResizeInProgress")!["reason"]!.GetValue<string>());
        Assert.Contains("ResizeError", await Agent.PodctlAsync("describe pod web"), StringComparison.Ordinal);
        Assert.Equal("67108864", (await FilesAsync(waiting))[1]);

        await Agent.PodctlAsync("exec web -- rm /dev/shm/fill");
        JsonNode after = await ResizedAsync("200m", "24Mi");
        Assert.Equal("25165824", (await FilesAsync(after))[1]);
        Assert.Equal((before.ContainerId("main"), 0), (after.ContainerId("main"), after.Restarts("main")));
    }

    private static string Pod(string cpu, string memory, string memoryPolicy) =>
        PodYaml.OfScripts("web", GuestAgent.Image, "terminationGracePeriodSeconds: 2", ("main", PodYaml.Serve))
        + $"\n    resources: {{limits: {{cpu: {cpu}, memory: {memory}}}}}\n    resizePolicy: [{{resourceName: memory, restartPolicy: {memoryPolicy}}}]";

    private Task<JsonNode> ResizedAsync(string cpu, string memory) =>
        Agent.Api.WaitForPodAsync("web", pod => Limits(pod) == $"{cpu}/{memory}" && Condition(pod, "PodResizeInProgress") is null, "resized");

    /// <summary>cpu.max and memory.max of the container, then of the pod around it.</summary>
    private async Task<string[]> FilesAsync(JsonNode pod) => (await Machine.OutputAsync($"""
        container=$(find /sys/fs/cgroup -type d -name '*{Id(pod)}*' | head -n 1)
        for folder in "$container" "$container/.."; do cat "$folder/cpu.max" "$folder/memory.max"; done
        """)).Split('\n');

    /// <summary>The container's first process and when it was started.</summary>
    private Task<string> ProcessAsync(JsonNode pod) => Machine.OutputAsync($"""
        container=$(find /sys/fs/cgroup -type d -name '*{Id(pod)}*' | head -n 1)
        first=$(sort -n "$container/cgroup.procs" | head -n 1)
        echo "$first $(cut -d' ' -f22 /proc/$first/stat)"
        """);

    private static string Id(JsonNode pod) => pod.ContainerId("main")["podagent://".Length..];

    private static string Limits(JsonNode pod)
    {
        JsonNode? limits = pod.TryContainer("main")?["resources"]?["limits"];
        return $"{limits?["cpu"]}/{limits?["memory"]}";
    }

    private static JsonNode? Condition(JsonNode pod, string type) =>
        pod["status"]!["conditions"]!.AsArray().FirstOrDefault(condition => condition!["type"]!.GetValue<string>() == type);
}
