using System.Globalization;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Testing.Cgroups;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>
/// What every <see cref="ICgroupDriver"/> holds to, on a real cgroup v2 tree: values are read back from the kernel's files. Cases about values need their
/// controllers and say so where these are missing.
/// </summary>
public abstract class CgroupDriverContract : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly List<StandInShim> _shims = [];
    private PodCgroups? _cgroups;
    private int _pods;

    /// <summary>A driver on a root of its own; skips the test where the driver can't be.</summary>
    protected abstract ICgroupDriver Open(CgroupSettings settings);

    /// <summary>Whether values come out in the kernel's files.</summary>
    protected virtual bool WritesValues => true;

    /// <summary>After a test: what the driver leaves to others.</summary>
    protected virtual void RemoveRoot()
    {
    }

    protected static CgroupSettings Settings { get; } = new() { PodPidsLimit = 64, MemoryBytes = 2L << 30 };

    private PodCgroups Cgroups => _cgroups ??= new PodCgroups(Open(Settings), Settings);

    private ICgroupDriver Driver => Cgroups.Driver;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (StandInShim shim in _shims) shim.Dispose();
        if (_cgroups is not null)
        {
            foreach ((_, string path) in Driver.Pods()) await _cgroups.RemoveAsync(path, Deadline, TimeProvider.System);
            _cgroups.Dispose();
            RemoveRoot();
        }
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(PodQosClass.Guaranteed)]
    [InlineData(PodQosClass.Burstable)]
    [InlineData(PodQosClass.BestEffort)]
    public async Task A_pod_has_a_cgroup_of_its_own_with_the_shim_in_a_leaf(string qos)
    {
        Pod pod = PodOf(qos);
        (PodUid uid, string path, StandInShim shim) = await MakeAsync(pod);

        Assert.Equal(Driver.PodPath(uid, qos), path);
        Assert.Equal([shim.Pid], Cgroupfs.Processes(PodCgroups.ShimPath(path)));
        Assert.Empty(Cgroupfs.Processes(path));
        Assert.Contains((uid, path), Driver.Pods());
    }

    [Theory]
    [InlineData(PodQosClass.Guaranteed)]
    [InlineData(PodQosClass.Burstable)]
    [InlineData(PodQosClass.BestEffort)]
    public async Task The_values_of_a_pod_are_those_of_the_formulas(string qos)
    {
        Need("cpu", "memory", "pids");
        Pod pod = PodOf(qos);
        (_, string path, _) = await MakeAsync(pod);
        AssertFiles(path, CgroupValues.ForPod(pod, Settings));
    }

    [Fact]
    public async Task A_container_gets_its_values_below_the_pod()
    {
        Need("cpu", "memory", "pids");
        Pod pod = PodOf(PodQosClass.Burstable);
        (_, string path, _) = await MakeAsync(pod);
        ResourceRequirements resources = pod.Spec!.Containers![0].Resources!;
        ContainerId id = new("c1");
        string container = Cgroups.CreateContainer(path, id, pod, resources);

        AssertFiles(container, CgroupValues.ForContainer(pod, resources, Settings));
        Assert.Equal("1", Cgroupfs.Read(container, "memory.oom.group"));
        Cgroups.UpdateContainer(container, CgroupValues.ForContainer(pod, null, Settings));
        AssertFiles(container, CgroupValues.ForContainer(pod, null, Settings));
    }

    [Fact]
    public async Task Updated_values_replace_the_old_ones_and_limits_that_are_gone_go()
    {
        Need("cpu", "memory", "pids");
        (_, string path, _) = await MakeAsync(PodOf(PodQosClass.Burstable));
        Pod larger = PodOf(Resources("1500m", "128Mi", "2", "512Mi"));
        await Driver.UpdatePodAsync(path, larger, default);
        AssertFiles(path, CgroupValues.ForPod(larger, Settings));

        Pod unlimited = PodOf(Resources("100m", "64Mi", null, null));
        await Driver.UpdatePodAsync(path, unlimited, default);
        AssertFiles(path, CgroupValues.ForPod(unlimited, Settings));
        Assert.Equal("max", Cgroupfs.Read(path, "memory.max"));
    }

    [Fact]
    public async Task Burstable_pods_weigh_together_what_they_ask_for()
    {
        Need("cpu");
        (_, string first, _) = await MakeAsync(PodOf(Resources("500m", null, null, null)));
        (_, string second, _) = await MakeAsync(PodOf(Resources("1500m", null, null, null)));
        string parent = Path.GetDirectoryName(first)!;
        Assert.Equal(parent, Path.GetDirectoryName(second));

        await UntilAsync(() => Cgroupfs.Read(parent, "cpu.weight") == Text(CpuUnits.LinearWeight(CpuUnits.Shares(2000))));
        await RemoveAsync(second);
        await UntilAsync(() => Cgroupfs.Read(parent, "cpu.weight") == Text(CpuUnits.LinearWeight(CpuUnits.Shares(500))));
    }

    [Fact]
    public async Task Best_effort_pods_weigh_as_little_as_there_is()
    {
        Need("cpu");
        (_, string path, _) = await MakeAsync(PodOf(PodQosClass.BestEffort));
        await UntilAsync(() => Cgroupfs.Read(Path.GetDirectoryName(path)!, "cpu.weight") == "1");
    }

    [Theory]
    [InlineData(PodQosClass.Burstable)]
    [InlineData(PodQosClass.BestEffort)]
    public async Task The_first_pods_of_a_class_may_come_all_at_once_and_each_has_every_controller(string qos)
    {
        Need("cpu", "memory", "pids");
        // Opened before: what is raced for is the folder of the class.
        _ = Driver;
        (PodUid Uid, string Path, StandInShim Shim)[] pods = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => MakeAsync(PodOf(qos)))));
        foreach ((_, string path, _) in pods)
            Assert.Superset(new HashSet<string> { "cpu", "memory", "pids" }, Cgroupfs.ReadWords(path, Cgroupfs.SubtreeControl).ToHashSet());
    }

    [Fact]
    public async Task A_pod_that_was_removed_can_be_made_again_at_once()
    {
        Pod pod = PodOf(PodQosClass.BestEffort);
        (PodUid uid, string path, StandInShim shim) = await MakeAsync(pod);
        await RemoveAsync(path);
        Assert.False(Directory.Exists(path));
        Assert.DoesNotContain(Driver.Pods(), known => known.Uid == uid);
        Assert.True(shim.HasEnded);

        (_, string again, StandInShim next) = await MakeAsync(pod, uid);
        Assert.Equal((path, next.Pid), (again, Assert.Single(Cgroupfs.Processes(PodCgroups.ShimPath(again)))));
    }

    [Fact]
    public async Task Removing_a_pod_kills_what_runs_in_its_containers()
    {
        Pod pod = PodOf(PodQosClass.BestEffort);
        (_, string path, _) = await MakeAsync(pod);
        string container = Cgroups.CreateContainer(path, new ContainerId("c1"), pod, null);
        StandInShim process = NewShim();
        Cgroupfs.Attach(container, process.Pid);
        await RemoveAsync(path);

        Assert.True(process.HasEnded);
        Assert.False(Directory.Exists(path));
    }

    [Fact]
    public async Task Removing_twice_is_removing_once()
    {
        (_, string path, _) = await MakeAsync(PodOf(PodQosClass.Burstable));
        await RemoveAsync(path);
        await RemoveAsync(path);
        Assert.False(Directory.Exists(path));
    }

    [Fact]
    public async Task Uids_of_any_spelling_come_back_from_the_listing()
    {
        PodUid uid = new("A.b:c_d-1~x y");
        await MakeAsync(PodOf(PodQosClass.Burstable), uid);
        Assert.Contains(Driver.Pods(), known => known.Uid == uid);
    }

    [Fact]
    public async Task Another_driver_on_the_same_root_knows_the_pods_and_weighs_them()
    {
        Need("cpu");
        Pod pod = PodOf(Resources("700m", null, null, null));
        (PodUid uid, string path, _) = await MakeAsync(pod);
        using ICgroupDriver next = Open(Settings);
        Assert.Contains((uid, path), next.Pods());
        next.Adopt(path, PodOf(Resources("1", null, null, null)));
        await UntilAsync(() => Cgroupfs.Read(Path.GetDirectoryName(path)!, "cpu.weight") == Text(CpuUnits.LinearWeight(CpuUnits.Shares(1000))));
    }

    private async Task<(PodUid Uid, string Path, StandInShim Shim)> MakeAsync(Pod pod, PodUid? known = null)
    {
        PodUid uid = known ?? new PodUid($"11111111-1111-8111-8111-{Interlocked.Increment(ref _pods):d12}");
        bool prepared = Driver.Prepare(uid, pod);
        StandInShim shim = NewShim();
        string path = Driver.PodPath(uid, QosClass.Of(pod));
        // Born there, in the real thing.
        if (prepared) Cgroupfs.Attach(PodCgroups.ShimPath(path), shim.Pid);
        await Driver.AdmitAsync(uid, pod, shim.Pid, TestContext.Current.CancellationToken);
        return (uid, path, shim);
    }

    private StandInShim NewShim()
    {
        StandInShim shim = new();
        lock (_shims) _shims.Add(shim);
        return shim;
    }

    private async Task RemoveAsync(string path) => await Cgroups.RemoveAsync(path, Deadline, TimeProvider.System);

    private void Need(params string[] controllers)
    {
        Assert.SkipUnless(WritesValues, "no values come out in files here");
        string[] missing = [.. controllers.Except(Driver.Enabled)];
        Assert.SkipWhen(missing.Length > 0, $"controllers missing: {string.Join(", ", missing)}");
    }

    private static void AssertFiles(string cgroup, CgroupValues values)
    {
        foreach (CgroupWrite write in values.Updates().Concat(values.Writes()).DistinctBy(write => write.File))
        {
            if (write.Optional && !File.Exists($"{cgroup}/{write.File}")) continue;
            Assert.Equal((cgroup, write.File, write.Value), (cgroup, write.File, Cgroupfs.Read(cgroup, write.File)));
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource deadline = new(Deadline);
        using PeriodicTimer again = new(TimeSpan.FromMilliseconds(5));
        while (!condition()) await again.WaitForNextTickAsync(deadline.Token);
    }

    private static Pod PodOf(string qos) => qos switch
    {
        PodQosClass.Guaranteed => PodOf(Resources("250m", "256Mi", "250m", "256Mi")),
        PodQosClass.Burstable => PodOf(Resources("500m", "64Mi", "1", "256Mi")),
        _ => PodOf((ResourceRequirements?)null),
    };

    private static Pod PodOf(ResourceRequirements? resources) => new()
    {
        Metadata = new ObjectMeta { Name = "web", Namespace = "default" },
        Spec = new PodSpec { Containers = [new Container { Name = "main", Resources = resources }], TerminationGracePeriodSeconds = 1 },
    };

    private static ResourceRequirements Resources(string? cpu, string? memory, string? cpuLimit, string? memoryLimit) => new()
    {
        Requests = List(cpu, memory),
        Limits = List(cpuLimit, memoryLimit),
    };

    private static Dictionary<string, Quantity> List(string? cpu, string? memory)
    {
        Dictionary<string, Quantity> list = new(StringComparer.Ordinal);
        if (cpu is not null) list[ResourceName.Cpu] = Quantity.Parse(cpu);
        if (memory is not null) list[ResourceName.Memory] = Quantity.Parse(memory);
        return list;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
