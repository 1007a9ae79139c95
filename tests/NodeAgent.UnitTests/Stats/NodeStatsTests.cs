using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Linux;
using NodeAgent.Pods;
using NodeAgent.Stats;
using NodeAgent.Testing.Builders;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.UnitTests.Stats;

/// <summary>Measurements on files as the kernel writes them.</summary>
public sealed class NodeStatsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StatePaths _paths;

    public NodeStatsTests()
    {
        _paths = new StatePaths(_folder["lib"], _folder["run"], _folder["log"], _folder["etc"], _folder["cg/pods"], _folder["proc"]);
        foreach (string folder in (string[])[_paths.Snapshots, _paths.Cgroup, _folder["proc/sys/kernel"], _folder["proc/77"]])
            Directory.CreateDirectory(folder);
        File.WriteAllText(_folder["proc/meminfo"], """
            MemTotal:        2000000 kB
            MemFree:          900000 kB
            MemAvailable:    1300000 kB
            Buffers:           50000 kB
            Cached:           450000 kB
            SwapCached:            0 kB
            Inactive(file):   200000 kB
            AnonPages:        300000 kB
            HugePages_Total:       0

            """);
        File.WriteAllText(_folder["proc/loadavg"], "0.10 0.20 0.30 2/345 9999\n");
        File.WriteAllText(_folder["proc/sys/kernel/pid_max"], "32768\n");
        File.WriteAllText(_folder["proc/sys/kernel/threads-max"], "15000\n");
    }

    private NodeStats Stats => new(_paths, _folder["cg"], id => _folder["snapshots/" + id]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("the kubelet's formula, when the kernel agrees that there is as much", 1_500_000L, 1_400_000L)]
    [InlineData("the kernel's estimate, when it is lower", 1_300_000L, 1_300_000L)]
    [InlineData("the formula alone, on a kernel without an estimate", null, 1_400_000L)]
    public void Available_memory_is(string what, long? kernels, long expected)
    {
        Dictionary<string, long> info = new() { ["AnonPages"] = 300_000, ["Cached"] = 450_000, ["Buffers"] = 50_000, ["Inactive(file)"] = 200_000 };
        if (kernels is { } estimate)
            info["MemAvailable"] = estimate;
        Assert.True(expected == NodeStats.MemoryAvailable(info, 2_000_000), what);
    }

    [Fact]
    public void The_node_is_read_from_proc_and_its_file_systems()
    {
        NodeReadings readings = Stats.ReadNode();
        Assert.Equal(new SignalReading(1_300_000L * 1024, 2_000_000L * 1024), readings.Signals[EvictionSignal.MemoryAvailable]);
        Assert.Equal(new SignalReading(15000 - 345, 15000), readings.Signals[EvictionSignal.PidAvailable]);
        Assert.False(readings.DedicatedImageFs);
        Assert.Equal(readings.Signals[EvictionSignal.NodeFsAvailable].Capacity, readings.Signals[EvictionSignal.ImageFsAvailable].Capacity);
        Assert.InRange(readings.Signals[EvictionSignal.NodeFsAvailable].Available, 1, new DriveInfo(_paths.Root).TotalSize);
        Assert.False(readings.Signals.ContainsKey(EvictionSignal.AllocatableMemoryAvailable));
    }

    [Fact]
    public void What_the_pods_may_still_take_is_what_their_cgroup_s_limit_leaves()
    {
        Cgroup("cg/pods", max: "1000000", current: "700000", inactive: 100_000, pids: 1);
        Assert.Equal(new SignalReading(400_000, 1_000_000), Stats.ReadNode().Signals[EvictionSignal.AllocatableMemoryAvailable]);
        Cgroup("cg/pods", max: "max", current: "700000", inactive: 100_000, pids: 1);
        Assert.False(Stats.ReadNode().Signals.ContainsKey(EvictionSignal.AllocatableMemoryAvailable));
    }

    [Fact]
    public async Task A_container_s_memory_is_its_working_set_and_what_is_not_running_is_left_out()
    {
        Cgroup("cg/pods/p/c", max: "max", current: "5000000", inactive: 1_000_000, pids: 7);
        File.WriteAllText(_folder["proc/77/cgroup"], "12:cpu:/elsewhere\n0::/pods/p/c\n");
        var pod = new ObservedPod(PodBuilder.Named("web").Main("app").Main("side").Build()).Sandbox().Running("app").Exited("side", 0).Build();
        pod = pod with { Containers = [.. pod.Containers.Select(run => run with { Pid = run.Name == "app" ? 77 : 0 })] };

        PodUsage usage = Assert.Single(await Stats.ReadPodsAsync([pod], UsageKinds.Memory | UsageKinds.Processes, CancellationToken.None));
        Assert.Equal(new ContainerUsage("app", 4_000_000, 7, null, null), Assert.Single(usage.Containers));
    }

    [Fact]
    public async Task Disk_is_volumes_logs_and_what_containers_wrote()
    {
        var pod = new ObservedPod(PodBuilder.Named("web").Main("app").With(spec => spec with
        {
            Volumes = [new() { Name = "disk", EmptyDir = new() }, new() { Name = "memory", EmptyDir = new() { Medium = "Memory" } }],
        }).Build()).Sandbox().Running("app").Build();
        pod = pod with { Containers = [.. pod.Containers.Select(run => run with { Pid = 77 })] };
        string uid = pod.Uid.Value;
        foreach (string file in (string[])[$"lib/pods/{uid}/volumes/emptydir/disk/f", $"snapshots/{pod.Containers[0].Id}/f", $"log/default_web_{uid}/app/0.log"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[file])!);
            File.WriteAllBytes(_folder[file], new byte[200_000]);
        }

        PodUsage usage = Assert.Single(await Stats.ReadPodsAsync([pod], UsageKinds.Disk, CancellationToken.None));
        Assert.Equal(["disk"], usage.Volumes.Keys);
        foreach (DiskUsage part in (DiskUsage[])[usage.Volumes["disk"], usage.Containers[0].RootFs!.Value, usage.Containers[0].Logs!.Value])
            Assert.InRange(part.Bytes, 200_000, 300_000);
        Assert.Equal(6, usage.Disk(rootFs: true, volumesAndLogs: true).Inodes);
    }

    private void Cgroup(string path, string max, string current, long inactive, int pids)
    {
        Directory.CreateDirectory(_folder[path]);
        File.WriteAllText(_folder[path + "/memory.max"], max + "\n");
        File.WriteAllText(_folder[path + "/memory.current"], current + "\n");
        File.WriteAllText(_folder[path + "/memory.stat"], $"anon 1\ninactive_file {inactive}\nfile 3\n");
        File.WriteAllText(_folder[path + "/pids.current"], pids + "\n");
    }
}
