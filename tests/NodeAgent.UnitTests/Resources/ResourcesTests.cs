using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using Xunit;

namespace NodeAgent.UnitTests.Resources;

public sealed class ResourcesTests
{
    private const long Gi = 1L << 30;

    private static Dictionary<string, Quantity>? List(string? cpu, string? memory)
    {
        var list = new Dictionary<string, Quantity>(StringComparer.Ordinal);
        if (cpu is not null) list["cpu"] = Quantity.Parse(cpu);
        if (memory is not null) list["memory"] = Quantity.Parse(memory);
        return list.Count == 0 ? null : list;
    }

    private static ResourceRequirements Asks(string? cpu = null, string? memory = null, string? cpuLimit = null, string? memoryLimit = null) =>
        new() { Requests = List(cpu, memory), Limits = List(cpuLimit, memoryLimit) };

    private static Container With(ResourceRequirements resources) => new() { Name = "c", Resources = resources };

    private static Container Sidecar(ResourceRequirements resources) => With(resources) with { RestartPolicy = "Always" };

    private static Pod PodOf(params Container[] containers) => new() { Spec = new PodSpec { Containers = containers } };

    private static Pod WithInit(Pod pod, params Container[] init) => pod with { Spec = pod.Spec! with { InitContainers = init } };

    private static Pod WithWhole(Pod pod, ResourceRequirements whole) => pod with { Spec = pod.Spec! with { Resources = whole } };

    private static readonly ResourceRequirements Equal = Asks("500m", "1Gi", "500m", "1Gi");

    public static TheoryData<string, Pod, string> Classes => new()
    {
        { "limits equal to requests everywhere is Guaranteed", PodOf(With(Equal), With(Equal)), "Guaranteed" },
        { "limits alone are requests too", PodOf(With(Asks(cpuLimit: "1", memoryLimit: "1Gi"))), "Guaranteed" },
        { "nothing asked for is BestEffort", PodOf(With(Asks()), new Container()), "BestEffort" },
        { "zero is nothing", PodOf(With(Asks("0", "0"))), "BestEffort" },
        { "a request alone is Burstable", PodOf(With(Asks("100m"))), "Burstable" },
        { "one limit of the two is Burstable", PodOf(With(Asks(memoryLimit: "1Gi"))), "Burstable" },
        { "one container without limits makes it Burstable", PodOf(With(Equal), new Container()), "Burstable" },
        { "an init container without limits counts too", WithInit(PodOf(With(Equal)), new Container()), "Burstable" },
        { "a request below its limit is Burstable", PodOf(With(Asks("100m", "1Gi", "500m", "1Gi"))), "Burstable" },
        { "the pod's own resources win over its containers'", WithWhole(PodOf(new Container()), Equal), "Guaranteed" },
        { "the pod's own request alone is Burstable", WithWhole(PodOf(With(Equal)), Asks("1")), "Burstable" },
    };

    [Theory, MemberData(nameof(Classes))]
    public void Qos_class(string because, Pod pod, string expected) => Assert.True(expected == QosClass.Of(pod), $"{because}: {QosClass.Of(pod)}");

    public static TheoryData<string, Pod, long> CpuRequests => new()
    {
        { "containers add up", PodOf(With(Asks("100m")), With(Asks("200m"))), 300 },
        { "a larger init container counts instead", WithInit(PodOf(With(Asks("100m"))), With(Asks("1")), With(Asks("400m"))), 1000 },
        { "a sidecar is added to the main containers", WithInit(PodOf(With(Asks("100m"))), Sidecar(Asks("50m"))), 150 },
        { "an init container runs beside the sidecars before it", WithInit(PodOf(With(Asks("100m"))), Sidecar(Asks("50m")), With(Asks("200m"))), 250 },
        { "and not beside those after it", WithInit(PodOf(With(Asks("10m"))), With(Asks("200m")), Sidecar(Asks("50m"))), 200 },
        { "the pod's own request wins", WithWhole(PodOf(With(Asks("100m"))), Asks("2")), 2000 },
        { "the pod's own limit counts as its request", WithWhole(PodOf(With(Asks("100m"))), Asks(cpuLimit: "3")), 3000 },
        { "overhead is added", PodOf(With(Asks("100m"))) is var pod ? pod with { Spec = pod.Spec! with { Overhead = List("25m", null) } } : pod, 125 },
        { "nothing is zero", PodOf(new Container()), 0 },
    };

    [Theory, MemberData(nameof(CpuRequests))]
    public void Cpu_request_of_a_pod(string because, Pod pod, long milli) =>
        Assert.True(milli == PodResources.Request(pod, ResourceName.Cpu), $"{because}: {PodResources.Request(pod, ResourceName.Cpu)}");

    public static TheoryData<string, Pod, long?> MemoryLimits => new()
    {
        { "limits add up", PodOf(With(Asks(memoryLimit: "1Gi")), With(Asks(memoryLimit: "2Gi"))), 3 * Gi },
        { "one container without a limit leaves the pod without one", PodOf(With(Asks(memoryLimit: "1Gi")), new Container()), null },
        { "an init container without a limit does as well", WithInit(PodOf(With(Asks(memoryLimit: "1Gi"))), new Container()), null },
        { "the pod's own limit needs no other", WithWhole(PodOf(new Container()), Asks(memoryLimit: "4Gi")), 4 * Gi },
        { "no limits at all is none", PodOf(new Container()), null },
    };

    [Theory, MemberData(nameof(MemoryLimits))]
    public void Memory_limit_of_a_pod(string because, Pod pod, long? bytes) =>
        Assert.True(bytes == PodResources.Limit(pod, ResourceName.Memory), $"{because}: {PodResources.Limit(pod, ResourceName.Memory)}");

    [Theory]
    [InlineData(1000, 39, 100)]
    [InlineData(500, 20, 59)]
    [InlineData(100, 4, 17)]
    [InlineData(0, 1, 1)]
    [InlineData(256_000, 10_000, 10_000)]
    [InlineData(1_000_000, 10_000, 10_000)]
    public void Millicores_as_weights_of_pods_and_containers(long milli, long linear, long quadratic)
    {
        Assert.Equal(linear, CpuUnits.LinearWeight(CpuUnits.Shares(milli)));
        Assert.Equal(quadratic, CpuUnits.QuadraticWeight(CpuUnits.Shares(milli)));
    }

    [Fact]
    public void Both_weights_grow_with_the_shares_and_stay_in_range()
    {
        long linear = 0, quadratic = 0;
        for (long shares = CpuUnits.MinShares; shares <= CpuUnits.MaxShares; shares += 37)
        {
            Assert.InRange(CpuUnits.LinearWeight(shares), Math.Max(1, linear), 10_000);
            Assert.InRange(CpuUnits.QuadraticWeight(shares), Math.Max(1, quadratic), 10_000);
            (linear, quadratic) = (CpuUnits.LinearWeight(shares), CpuUnits.QuadraticWeight(shares));
        }
    }

    [Theory]
    [InlineData(500, 50_000)]
    [InlineData(2500, 250_000)]
    [InlineData(1, 1_000)]
    public void Millicores_as_quota(long milli, long quota) => Assert.Equal(quota, CpuUnits.Quota(milli));

    [Fact]
    public void A_container_is_written_with_the_curved_weight_and_dies_as_one() =>
        Assert.Equal(
            ["cpu.weight=59 (cpu)", "cpu.max=100000 100000 (cpu)", "memory.max=1073741824 (memory)", "memory.swap.max=0 (memory)", "memory.oom.group=1 (memory)"],
            Lines(CgroupValues.ForContainer(new Pod(), With(Asks("500m", null, "1", "1Gi")).Resources, new CgroupSettings())));

    [Fact]
    public void A_best_effort_container_has_the_smallest_weight_and_no_limits() =>
        Assert.Equal(["cpu.weight=1 (cpu)", "memory.swap.max=0 (memory)"], Lines(CgroupValues.ForContainer(new Pod(), null, new CgroupSettings { SingleProcessOomKill = true })));

    [Fact]
    public void A_pod_is_written_with_the_straight_weight_and_its_whole_limits() =>
        Assert.Equal(
            ["cpu.weight=39 (cpu)", "cpu.max=150000 100000 (cpu)", "memory.swap.max=0 (memory)", "pids.max=64 (pids)"],
            Lines(CgroupValues.ForPod(PodOf(With(Asks("500m", null, "1")), With(Asks("500m", null, "500m", "1Gi"))), new CgroupSettings { PodPidsLimit = 64 })));

    [Fact]
    public void A_qos_class_weighs_what_its_pods_ask_for()
    {
        Assert.Equal(["cpu.weight=79 (cpu)"], Lines(CgroupValues.ForQosClass("Burstable", 2000)));
        Assert.Equal(["cpu.weight=1 (cpu)"], Lines(CgroupValues.ForQosClass("BestEffort", 2000)));
    }

    [Fact]
    public void Controllers_are_asked_for_by_what_needs_them()
    {
        Assert.Equal(["cpu"], CgroupValues.ControllersAskedFor(PodOf(With(Asks("1", "1Gi"))), new CgroupSettings()));
        Assert.Equal(["cpu", "memory", "pids"], CgroupValues.ControllersAskedFor(PodOf(With(Asks(cpuLimit: "1", memoryLimit: "1Gi"))), new CgroupSettings { PodPidsLimit = 10 }));
        Assert.Equal(["memory"], CgroupValues.ControllersAskedFor(WithWhole(PodOf(new Container()), Asks(memoryLimit: "1Gi")), new CgroupSettings()));
        Assert.Empty(CgroupValues.ControllersAskedFor(PodOf(new Container()), new CgroupSettings()));
    }

    public static TheoryData<string, Pod, Container, int> Scores => new()
    {
        { "Guaranteed is killed last", PodOf(With(Equal)), With(Equal), -997 },
        { "BestEffort is killed first", PodOf(new Container()), new Container(), 1000 },
        { "Burstable falls with its share of the node's memory", PodOf(With(Asks(memory: "2Gi"))), With(Asks(memory: "2Gi")), 750 },
        { "a tiny share stays below BestEffort", PodOf(With(Asks("1"))), With(Asks("1")), 999 },
        { "a huge share stays above Guaranteed", PodOf(With(Asks(memory: "9Gi"))), With(Asks(memory: "9Gi")), 3 },
        { "a sidecar is at most as likely as the least of the main containers",
            WithInit(PodOf(With(Asks(memory: "4Gi")), With(Asks(memory: "2Gi"))), Sidecar(Asks(memory: "1Gi"))), Sidecar(Asks(memory: "1Gi")), 750 },
        { "node-critical pods are Guaranteed", PodOf(new Container()) with { Spec = new PodSpec { PriorityClassName = "system-node-critical" } }, new Container(), -997 },
        { "the pod's own request is shared out evenly", WithWhole(PodOf(new Container(), new Container()), Asks(memory: "4Gi")), new Container(), 750 },
    };

    [Theory, MemberData(nameof(Scores))]
    public void Oom_score(string because, Pod pod, Container container, int expected) =>
        Assert.True(expected == OomScore.ForContainer(pod, container, 8 * Gi), $"{because}: {OomScore.ForContainer(pod, container, 8 * Gi)}");

    private static IEnumerable<string> Lines(CgroupValues values) => values.Writes().Select(write => $"{write.File}={write.Value} ({write.Controller})");
}
