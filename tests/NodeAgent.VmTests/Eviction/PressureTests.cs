using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Eviction;

/// <summary>A machine of 2 GiB runs short of memory, disk and process numbers: the pod that takes more than it asked for goes, before the kernel has to act.</summary>
[Trait("Set", "limits")]
public sealed class PressureTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    /// <summary>Fills a volume in memory, 20 MiB at a time, until there is none left.</summary>
    private const string Grow = "i=0; while :; do dd if=/dev/zero of=/grow/$i bs=1M count=20 2>/dev/null; i=$((i + 1)); done";
    private const string Grown = "    volumeMounts: [{name: grow, mountPath: /grow}]\n  volumes: [{name: grow, emptyDir: {medium: Memory}}]\n";

    [Fact]
    public async Task A_pod_that_grows_without_end_is_evicted_before_the_kernel_kills_anything()
    {
        await Agent.ApplyAsync("modest.yaml", Pod("modest", PodYaml.Serve, "{requests: {memory: 64Mi}}"));
        await Agent.ApplyAsync("hog.yaml", Pod("hog", Grow, "{requests: {memory: 64Mi}}") + Grown);

        JsonNode hog = await EvictedAsync("hog");
        Assert.StartsWith("The node was low on resource: memory. Threshold quantity: 100Mi, available: ", hog["status"]!["message"]!.GetValue<string>());
        Assert.Contains("Container main was using ", hog["status"]!["message"]!.GetValue<string>());
        Assert.Contains(hog["status"]!["conditions"]!.AsArray(), c => c!["type"]!.GetValue<string>() == "DisruptionTarget" && c["status"]!.GetValue<string>() == "True");
        Assert.Equal("0", await Machine.OutputAsync("dmesg | grep -ciE 'out of memory|oom-kill' || true"));
        JsonNode modest = await Agent.WaitForRunningAsync("modest");
        Assert.Equal(0, modest.Restarts("main"));
        // What it held in memory is free again, although the pod is still there to tell what happened.
        await Machine.WaitAsync("! grep -q emptydir /proc/mounts", "the volume is gone");
        Assert.Contains("MemoryPressure=True", await ConditionsAsync());

        await Agent.ApplyAsync("best.yaml", Pod("best", PodYaml.Serve, "{}"));
        JsonNode refused = await EvictedAsync("best");
        Assert.Equal("Pod was rejected: The node had condition: [MemoryPressure]. ", refused["status"]!["message"]!.GetValue<string>());

        await Machine.OutputAsync("systemctl restart podagent.service");
        Assert.Equal("Evicted", (await EvictedAsync("hog"))["status"]!["reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_pod_that_fills_the_disk_is_evicted()
    {
        // 200 MiB may be written before too little is left.
        await ConfigureAsync("""nodefs.available: $(( $(stat -f -c '%a * %S' /var/lib/podagent) / 1048576 - 200 ))Mi""");
        await Agent.ApplyAsync("modest.yaml", Pod("modest", PodYaml.Serve, "{}"));
        await Agent.WaitForRunningAsync("modest");
        await Agent.ApplyAsync("hog.yaml", Pod("hog", "dd if=/dev/zero of=/fill bs=1M count=400 2>/dev/null; " + PodYaml.Serve, "{}"));

        JsonNode hog = await EvictedAsync("hog");
        Assert.StartsWith("The node was low on resource: ephemeral-storage. Threshold quantity: ", hog["status"]!["message"]!.GetValue<string>());
        Assert.Contains("DiskPressure=True", await ConditionsAsync());
        await Agent.WaitForRunningAsync("modest");
    }

    [Fact]
    public async Task A_pod_with_too_many_processes_is_evicted()
    {
        await ConfigureAsync("""pid.available: $(( $(cat /proc/sys/kernel/threads-max /proc/sys/kernel/pid_max | sort -n | head -1) - $(cut -d/ -f2 /proc/loadavg | cut -d' ' -f1) - 200 ))""");
        await Agent.ApplyAsync("modest.yaml", Pod("modest", PodYaml.Serve, "{}"));
        await Agent.WaitForRunningAsync("modest");
        await Agent.ApplyAsync("hog.yaml", Pod("hog", "i=0; while [ $i -lt 400 ]; do sleep 1000 & i=$((i+1)); done; wait", "{}"));

        JsonNode hog = await EvictedAsync("hog");
        Assert.StartsWith("The node was low on resource: pids. Threshold quantity: ", hog["status"]!["message"]!.GetValue<string>());
        Assert.Contains("PIDPressure=True", await ConditionsAsync());
        await Agent.WaitForRunningAsync("modest");
    }

    private static string Pod(string name, string script, string resources) =>
        PodYaml.OfScripts(name, GuestAgent.Image, "terminationGracePeriodSeconds: 5", ("main", script)) + $"\n    resources: {resources}\n";

    /// <param name="threshold">As a line of YAML, in which the guest's shell expands arithmetic.</param>
    private async Task ConfigureAsync(string threshold) => await Machine.OutputAsync(
        $"printf 'evictionHard:\\n  %s\\n' \"{threshold}\" >>/etc/podagent/config/podagent.yaml; systemctl restart podagent.service");

    private Task<JsonNode> EvictedAsync(string name) =>
        Agent.Api.WaitForPodAsync(name, pod => pod.Phase() == "Failed" && !pod.Runs("main") && pod["status"]!["reason"]?.GetValue<string>() == "Evicted", "Failed: Evicted");

    private async Task<string[]> ConditionsAsync() =>
    [
        .. (await Agent.Api.GetAsync("/api/v1/nodes"))["items"]![0]!["status"]!["conditions"]!.AsArray()
            .Select(condition => $"{condition!["type"]}={condition["status"]}"),
    ];
}
