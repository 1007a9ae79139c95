using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Eviction;

/// <summary>Who goes first, in which words, and who may not come.</summary>
public sealed class EvictionVerdictTests
{
    private const long Mi = 1 << 20;
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Dictionary<string, DiskUsage> NoVolumes = [];

    private static PodUsage Using(string name, long memory, string? request = null, int? priority = null, string? priorityClass = null, long processes = 0, long disk = 0, long inodes = 0) => new(
        new PodUid(name + "-uid"),
        PodBuilder.Named(name).Main("app", c => request is null ? c : c.Asks("10m", request))
            .With(spec => spec with { Priority = priority, PriorityClassName = priorityClass }).Build(),
        [new ContainerUsage("app", memory * Mi, processes, new DiskUsage(disk * Mi, inodes), default(DiskUsage))],
        NoVolumes);

    private static string Order(EvictionSignal signal, params PodUsage[] pods) =>
        string.Join(' ', EvictionRanking.Of(signal, pods, dedicatedImageFs: false).Select(pod => pod.Pod.Metadata!.Name));

    [Fact]
    public void Over_its_request_goes_before_within_it_however_much_it_uses() =>
        Assert.Equal("over within", Order(EvictionSignal.MemoryAvailable, Using("within", 900, "1Gi"), Using("over", 20, "10Mi")));

    [Fact]
    public void Among_those_over_their_requests_the_lower_priority_goes_first() =>
        Assert.Equal("low high", Order(EvictionSignal.MemoryAvailable, Using("high", 900, "10Mi", priority: 100), Using("low", 20, "10Mi", priority: 5)));

    [Fact]
    public void Among_equal_priorities_the_one_farthest_beyond_its_request_goes_first() =>
        Assert.Equal("far near", Order(EvictionSignal.MemoryAvailable, Using("near", 500, "450Mi"), Using("far", 200, "50Mi")));

    [Fact]
    public void A_pod_without_requests_is_over_them_with_its_first_byte() =>
        Assert.Equal("none some", Order(EvictionSignal.MemoryAvailable, Using("some", 90, "100Mi"), Using("none", 1)));

    [Fact]
    public void Critical_pods_are_spared_by_class_and_by_number() =>
        Assert.Equal("plain", Order(
            EvictionSignal.MemoryAvailable, Using("node", 900, priorityClass: "system-node-critical"), Using("cluster", 900, priorityClass: "system-cluster-critical"),
            Using("number", 900, priority: 2_000_000_000), Using("plain", 1)));

    [Fact]
    public void Process_numbers_go_by_priority_then_by_count() =>
        Assert.Equal("low many few", Order(
            EvictionSignal.PidAvailable, Using("few", 900, processes: 3), Using("many", 1, processes: 300), Using("low", 1, processes: 1, priority: -1)));

    [Fact]
    public void Disk_goes_by_bytes_and_inodes_by_files()
    {
        PodUsage big = Using("big", 0, disk: 500, inodes: 1), small = Using("small", 0, disk: 1, inodes: 900);
        Assert.Equal("big small", Order(EvictionSignal.NodeFsAvailable, small, big));
        Assert.Equal("small big", Order(EvictionSignal.NodeFsInodesFree, small, big));
    }

    [Fact]
    public void On_two_disks_each_counts_what_lies_on_it()
    {
        PodUsage usage = Using("a", 0, disk: 5) with { Volumes = new Dictionary<string, DiskUsage> { ["v"] = new(7 * Mi, 1) } };
        Assert.Equal(7 * Mi, EvictionRanking.Used(EvictionSignal.NodeFsAvailable, usage, dedicatedImageFs: true));
        Assert.Equal(5 * Mi, EvictionRanking.Used(EvictionSignal.ImageFsAvailable, usage, dedicatedImageFs: true));
        Assert.Equal(12 * Mi, EvictionRanking.Used(EvictionSignal.ImageFsAvailable, usage, dedicatedImageFs: false));
    }

    [Fact]
    public void The_message_of_memory_names_threshold_rest_and_every_container_beyond_its_request()
    {
        Pod pod = PodBuilder.Named("web").Main("app", c => c.Asks("10m", "50Mi")).Main("side", c => c.Asks("10m", "1Gi")).Main("best").Build();
        var usage = new PodUsage(new PodUid("u"), pod, [Memory("app", 200), Memory("side", 20), Memory("best", 3)], NoVolumes);
        PodVerdict verdict = EvictionVerdict.ForNode(Default(EvictionSignal.MemoryAvailable), Reading(EvictionSignal.MemoryAvailable, 90 * Mi, 2000 * Mi), usage, EvictionSettings.Default, Now);

        Assert.Equal(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. "
            + "Container app was using 200Mi, request is 50Mi, has larger consumption of memory. Container best was using 3Mi, request is 0, has larger consumption of memory. ",
            verdict.Message);
        Assert.Equal((PodVerdict.Evicted, TimeSpan.Zero, true), (verdict.Reason, verdict.Grace, verdict.Disruption));
    }

    [Fact]
    public void The_message_of_a_disk_counts_a_percentage_out_and_of_inodes_names_no_container()
    {
        PodUsage usage = Using("web", 0, disk: 30);
        PodVerdict disk = EvictionVerdict.ForNode(Default(EvictionSignal.NodeFsAvailable), Reading(EvictionSignal.NodeFsAvailable, 50 * Mi, 1000 * Mi), usage, EvictionSettings.Default, Now);
        Assert.Equal(
            "The node was low on resource: ephemeral-storage. Threshold quantity: 100Mi, available: 50Mi. "
            + "Container app was using 30Mi, request is 0, has larger consumption of ephemeral-storage. ", disk.Message);
        Assert.Equal(TimeSpan.FromSeconds(1), disk.Grace);

        PodVerdict inodes = EvictionVerdict.ForNode(Default(EvictionSignal.NodeFsInodesFree), Reading(EvictionSignal.NodeFsInodesFree, 40, 1000), usage, EvictionSettings.Default, Now);
        Assert.Equal("The node was low on resource: inodes. Threshold quantity: 50, available: 40. ", inodes.Message);
    }

    [Theory]
    [InlineData(30, 10, 10)]
    [InlineData(5, 10, 5)]
    [InlineData(30, 0, 0)]
    public void A_soft_threshold_gives_the_shorter_of_the_pod_s_and_the_node_s_grace(int own, int most, int given)
    {
        EvictionThreshold soft = new(EvictionSignal.MemoryAvailable, ThresholdValue.OfPercent(10), TimeSpan.FromSeconds(30));
        PodUsage usage = Using("web", 1);
        usage = usage with { Pod = usage.Pod with { Spec = usage.Pod.Spec! with { TerminationGracePeriodSeconds = own } } };
        EvictionSettings settings = EvictionSettings.Default with { MaxPodGracePeriod = TimeSpan.FromSeconds(most) };
        Assert.Equal(TimeSpan.FromSeconds(given), EvictionVerdict.ForNode(soft, Reading(EvictionSignal.MemoryAvailable, 1, 10), usage, settings, Now).Grace);
    }

    [Theory]
    [InlineData("a volume within its limit is left alone", "1Mi", null, null, 1024, 0, null)]
    [InlineData("a volume beyond its limit", "1Mi", null, null, 1025, 0, "Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". ")]
    [InlineData("a limit of zero is none", "0", null, null, 99999, 0, null)]
    [InlineData("volumes, logs and files together beyond the sum of all limits", null, "1Mi", null, 600, 600, "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ")]
    [InlineData("one container beyond its own, while another has none", null, "1Mi", "none", 0, 1100, "Container app exceeded its local ephemeral storage limit \"1Mi\". ")]
    [InlineData("a volume counts for the pod, not for a container", null, "1Mi", "none", 9999, 1000, null)]
    public void Whoever_outgrows_a_limit_of_its_own_is_evicted_in_the_kubelet_s_words(
        string what, string? sizeLimit, string? limit, string? other, long volumeKi, long filesKi, string? message)
    {
        PodBuilder builder = PodBuilder.Named("web").Main("app", c => Limited(c, limit));
        if (other is not null)
            builder = builder.Main("other");
        Pod pod = builder.With(spec => spec with { Volumes = [new Volume { Name = "data", EmptyDir = new EmptyDirVolumeSource { SizeLimit = sizeLimit is null ? null : Quantity.Parse(sizeLimit) } }] }).Build();
        var usage = new PodUsage(
            new PodUid("u"), pod, [new ContainerUsage("app", null, null, new DiskUsage(filesKi * 512, 1), new DiskUsage(filesKi * 512, 1))],
            new Dictionary<string, DiskUsage> { ["data"] = new(volumeKi * 1024, 1) });
        Assert.True(message == LocalStorageLimits.Excess(usage, dedicatedImageFs: false), $"{what}: {LocalStorageLimits.Excess(usage, dedicatedImageFs: false)}");
    }

    [Fact]
    public void Only_pods_with_a_limit_on_disk_are_measured()
    {
        Assert.False(LocalStorageLimits.HasAny(PodBuilder.Named("plain").Main("app", c => c.Asks("1", "1Gi")).Build()));
        Assert.True(LocalStorageLimits.HasAny(PodBuilder.Named("limited").Main("app", c => Limited(c, "1Gi")).Build()));
        Assert.True(LocalStorageLimits.HasAny(WithVolume("")));
        Assert.False(LocalStorageLimits.HasAny(WithVolume(StorageMedium.Memory)));

        static Pod WithVolume(string medium) => PodBuilder.Named("v").Main("app")
            .With(spec => spec with { Volumes = [new Volume { Name = "v", EmptyDir = new EmptyDirVolumeSource { Medium = medium, SizeLimit = Quantity.Parse("1Mi") } }] }).Build();
    }

    [Theory]
    [InlineData("no pressure admits everybody", false, false, "best", true)]
    [InlineData("memory pressure refuses who asks for nothing", true, false, "best", false)]
    [InlineData("memory pressure admits who has a request", true, false, "burstable", true)]
    [InlineData("memory pressure admits who tolerates it", true, false, "tolerant", true)]
    [InlineData("disk pressure refuses who has a request", false, true, "burstable", false)]
    [InlineData("disk pressure refuses who tolerates memory pressure", true, true, "tolerant", false)]
    [InlineData("critical pods are admitted whatever there is", true, true, "critical", true)]
    public void Pressure_decides_who_may_start(string what, bool memory, bool disk, string kind, bool admitted)
    {
        PodBuilder builder = PodBuilder.Named("web").Main("app", c => kind == "burstable" ? c.Asks("10m", "10Mi") : c);
        Pod pod = builder.With(spec => spec with
        {
            PriorityClassName = kind == "critical" ? "system-node-critical" : null,
            Tolerations = kind == "tolerant" ? [new Toleration { Key = "node.kubernetes.io/memory-pressure", Operator = "Exists", Effect = "NoSchedule" }] : null,
        }).Build();
        var refusal = new NodePressure(memory, disk, false).Refusal(pod);
        Assert.True(admitted == refusal is null, what);
        if (refusal is not null)
            Assert.Equal(("Evicted", $"The node had condition: [{(memory ? "MemoryPressure" : "")}{(memory && disk ? " " : "")}{(disk ? "DiskPressure" : "")}]. "), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public void Conditions_have_the_reasons_that_tools_look_for()
    {
        Assert.Equal(
            ["MemoryPressure=False KubeletHasSufficientMemory", "DiskPressure=False KubeletHasNoDiskPressure", "PIDPressure=False KubeletHasSufficientPID"],
            NodePressure.None.Conditions().Select(c => $"{c.Type}={c.Status} {c.Reason}"));
        Assert.Equal(
            ["MemoryPressure=True KubeletHasInsufficientMemory", "DiskPressure=True KubeletHasDiskPressure", "PIDPressure=True KubeletHasInsufficientPID"],
            new NodePressure(true, true, true).Conditions().Select(c => $"{c.Type}={c.Status} {c.Reason}"));
    }

    private static Container Limited(Container container, string? limit) => limit is null ? container : container with
    {
        Resources = new ResourceRequirements { Limits = new Dictionary<string, Quantity> { [ResourceName.EphemeralStorage] = Quantity.Parse(limit) } },
    };

    private static ContainerUsage Memory(string name, long mebibytes) => new(name, mebibytes * Mi, null, null, null);

    private static EvictionThreshold Default(EvictionSignal signal) => EvictionSettings.Default.Thresholds.First(t => t.Signal == signal);

    private static NodeReadings Reading(EvictionSignal signal, long available, long capacity) =>
        new(new Dictionary<EvictionSignal, SignalReading> { [signal] = new(available, capacity) }, false);
}
