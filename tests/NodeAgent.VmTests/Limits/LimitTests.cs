using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Limits;

/// <summary>
/// That the limits of manifests are kept by the kernel. What the files hold is read back with either cgroup driver; what the kernel does with them is the same for both.
/// </summary>
[Trait("Set", "limits")]
public sealed class LimitTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    // Twice the limit in one buffer, and filled.
    private const string Hog = "dd if=/dev/zero of=/dev/null bs=128M count=1; sleep 1000";
    private const string Packaged = "systemd";
    private const string Burn = "while :; do :; done";

    /// <summary>On the first processor only.</summary>
    private const string BurnFirst = "exec taskset 1 sh -c '" + Burn + "'";

    private GuestCgroups Cgroups => new(Machine);

    [Theory]
    [InlineData("systemd")]
    [InlineData("cgroupfs")]
    public async Task A_container_over_its_memory_limit_dies_OOMKilled_and_its_sibling_lives(string driver)
    {
        await ConfigureAsync(driver);
        await Agent.ApplyAsync("hog.yaml", PodOf("hog", ("hog", Hog, "limits: {memory: 64Mi}"), ("sibling", PodYaml.Serve, "")));
        JsonNode pod = await Agent.Api.WaitForPodAsync("hog", p => p.Terminated("hog") is not null && p.Runs("sibling"), "the hog dead and its sibling running");

        Assert.Equal(("OOMKilled", 137), (pod.Terminated("hog")!["reason"]!.GetValue<string>(), pod.Terminated("hog")!["exitCode"]!.GetValue<int>()));
        Assert.Equal(0, pod.Restarts("sibling"));
        Assert.Contains((await Agent.Api.GetAsync("/api/v1/events"))["items"]!.AsArray(), e => e!["reason"]!.GetValue<string>() == "OOMKilling");
    }

    [Fact]
    public async Task A_fifth_of_a_processor_is_what_two_busy_processes_get()
    {
        await Agent.ApplyAsync("burner.yaml", PodOf("burner", ("main", $"({Burn}) & {Burn}", "limits: {cpu: 200m}")));
        JsonNode pod = await Agent.WaitForRunningAsync("burner");
        // Where the machine's own processors are taken away for a while, the kernel notices late that a quota is used up, and takes it back from the next: over half a minute that no longer shows.
        double used = (await Cgroups.ProcessorsAsync(30, await Cgroups.OfContainerAsync(pod.ContainerId("main"))))[0];
        Assert.InRange(used, 0.2 * 0.9, 0.2 * 1.1);
    }

    [Fact]
    public async Task Two_pods_that_request_three_to_one_share_a_full_processor_three_to_one()
    {
        // One processor for both, so that it is full.
        await Agent.ApplyAsync("three.yaml", PodOf("three", ("main", BurnFirst, "requests: {cpu: 750m}")));
        await Agent.ApplyAsync("one.yaml", PodOf("one", ("main", BurnFirst, "requests: {cpu: 250m}")));
        string three = await Cgroups.OfPodAsync((await Agent.WaitForRunningAsync("three")).PodUid());
        string one = await Cgroups.OfPodAsync((await Agent.WaitForRunningAsync("one")).PodUid());

        double[] used = await Cgroups.ProcessorsAsync(20, three, one);
        Assert.InRange(used[0] + used[1], 0.8, 1.1);
        Assert.InRange(used[0] / used[1], 3 * 0.85, 3 * 1.15);
    }

    [Fact]
    public async Task A_fork_bomb_stops_at_the_limit_of_processes_and_its_neighbour_does_not_notice()
    {
        await ConfigureAsync(Packaged, "podPidsLimit: 40");
        await Agent.ApplyAsync("neighbour.yaml", PodOf("neighbour", ("main", PodYaml.Serve, "")));
        // The inner shell dies when it cannot fork any more; what it has made lives on under the first process.
        await Agent.ApplyAsync("bomb.yaml", PodOf("bomb", ("main", "sh -c 'while :; do sleep 1000 & done'; sleep 1000", "")));
        string pod = await Cgroups.OfPodAsync((await Agent.WaitForRunningAsync("bomb")).PodUid());
        // Before 6.10 the kernel counts where the fork was tried, then where the limit is.
        await Machine.WaitAsync($"cat {pod}/pids.events {pod}/*/pids.events | grep -q '^max [1-9]'", "a fork was refused");

        Assert.Equal("40", await Cgroups.ReadAsync(pod, "pids.max"));
        Assert.InRange(int.Parse(await Cgroups.ReadAsync(pod, "pids.current"), System.Globalization.CultureInfo.InvariantCulture), 30, 40);
        Assert.Equal("fine", await Agent.PodctlAsync("exec neighbour -c main -- echo fine"));
        await Agent.DeleteAsync("bomb");
    }

    [Theory]
    [InlineData("systemd")]
    [InlineData("cgroupfs")]
    public async Task The_files_of_every_class_hold_what_the_formulas_say(string driver)
    {
        await ConfigureAsync(driver, "podPidsLimit: 100", "memorySwap: {swapBehavior: NoSwap}", "memoryThrottlingFactor: 0.9");
        CgroupSettings settings = await SettingsAsync();
        (string Name, string Resources)[] classes =
        [
            ("guaranteed", "limits: {cpu: 500m, memory: 64Mi}"), ("burstable", "requests: {cpu: 0.25, memory: 32M}\nlimits: {cpu: 1e0, memory: 0.0625Gi}"), ("besteffort", ""),
        ];
        foreach ((string name, string resources) in classes) await Agent.ApplyAsync($"{name}.yaml", PodOf(name, ("main", PodYaml.Serve, resources)));
        foreach ((string name, string resources) in classes)
        {
            Pod wanted = Parse(PodOf(name, ("main", PodYaml.Serve, resources)));
            JsonNode pod = await Agent.WaitForRunningAsync(name);
            Assert.Equal(name, pod["status"]!["qosClass"]!.GetValue<string>(), ignoreCase: true);
            await Cgroups.AssertAsync(await Cgroups.OfPodAsync(pod.PodUid()), CgroupValues.ForPod(wanted, settings));
            string container = await Cgroups.OfContainerAsync(pod.ContainerId("main"));
            await Cgroups.AssertAsync(container, CgroupValues.ForContainer(wanted, wanted.Spec!.Containers![0].Resources, settings));
            string pid = (await Cgroups.ReadAsync(container, "cgroup.procs")).Split('\n')[0];
            Assert.Equal($"{OomScore.ForContainer(wanted, wanted.Spec.Containers[0], settings.MemoryBytes)}", await Machine.OutputAsync($"cat /proc/{pid}/oom_score_adj"));
        }
        // Once in numbers, lest formulas agree with themselves only.
        string guaranteed = await Cgroups.OfPodAsync((await Agent.WaitForRunningAsync("guaranteed")).PodUid());
        Assert.Equal("20 50000 100000 67108864 100", await Machine.OutputAsync($"cd {guaranteed}; echo $(cat cpu.weight cpu.max memory.max pids.max)"));
    }

    private async Task ConfigureAsync(string driver, params string[] lines)
    {
        // The package's own configuration chooses systemd here.
        if (driver != Packaged || lines.Length > 0)
        {
            string text = string.Join('\n', ["apiVersion: podagent.io/v1alpha1", "kind: PodAgentConfiguration", "requireControllers: true", $"cgroupDriver: {driver}", .. lines, ""]);
            await Machine.PushAsync("/etc/podagent/config/podagent.yaml", Encoding.UTF8.GetBytes(text));
            await Machine.OutputAsync("systemctl restart podagent.service");
        }

        JsonNode nodes = await Agent.Api.GetAsync("/api/v1/nodes");
        Assert.Equal(driver, nodes["items"]![0]!["metadata"]!["annotations"]!["podagent.io/cgroup-driver"]!.GetValue<string>());
    }

    private async Task<CgroupSettings> SettingsAsync()
    {
        long memory = long.Parse(await Machine.OutputAsync("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"), System.Globalization.CultureInfo.InvariantCulture) << 10;
        // What eviction keeps free comes off what can be given to pods.
        const long kept = 100L << 20;
        return new CgroupSettings { PodPidsLimit = 100, MemoryThrottlingFactor = 0.9, MemoryBytes = memory, AllocatableMemoryBytes = memory - kept };
    }

    private static Pod Parse(string yaml) => ManifestParser.Parse(Encoding.UTF8.GetBytes(yaml), "pod.yaml").Pods.Single();

    private static string PodOf(string name, params (string Name, string Script, string Resources)[] containers)
    {
        string yaml = PodYaml.OfScripts(
            name, GuestAgent.Image, "restartPolicy: Never\nterminationGracePeriodSeconds: 1", [.. containers.Select(container => (container.Name, container.Script))]);
        foreach ((string container, _, string resources) in containers.Where(container => container.Resources.Length > 0))
        {
            string lines = "\n    resources:\n      " + resources.Replace("\n", "\n      ", StringComparison.Ordinal);
            yaml = yaml.Replace($"  - name: {container}\n", $"  - name: {container}{lines}\n", StringComparison.Ordinal);
        }
        return yaml;
    }
}
