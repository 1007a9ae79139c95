using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using Xunit;

namespace NodeAgent.UnitTests.Resources;

/// <summary>What the files of cgroups are to hold, for whole manifests and settings of the node.</summary>
public sealed class CgroupValuesTests
{
    private const long Mi = 1L << 20, Gi = 1L << 30;
    private static readonly CgroupSettings Node = new() { MemoryBytes = 8 * Gi, AllocatableMemoryBytes = 8 * Gi, SwapBytes = 4 * Gi };
    private static readonly CgroupSettings Swapping = Node with { Swap = SwapBehavior.LimitedSwap };
    private static readonly CgroupSettings Throttling = Node with { MemoryThrottlingFactor = 0.9 };

    public static TheoryData<string, string, Dictionary<string, string>, string> Notations => new()
    {
        { "half a processor", "cpu.max", Limits("cpu", "0.5"), "50000 100000" },
        { "the same in millis", "cpu.max", Limits("cpu", "500m"), "50000 100000" },
        { "in exponents", "cpu.max", Limits("cpu", "5e-1"), "50000 100000" },
        { "two and a half", "cpu.max", Limits("cpu", "2.5"), "250000 100000" },
        { "less than the kernel takes is as little as it takes", "cpu.max", Limits("cpu", "1m"), "1000 100000" },
        { "less than a milli is a milli", "cpu.max", Limits("cpu", "1u"), "1000 100000" },
        { "binary memory", "memory.max", Limits("memory", "512Mi"), "536870912" },
        { "decimal memory", "memory.max", Limits("memory", "512M"), "512000000" },
        { "thousands", "memory.max", Limits("memory", "100k"), "100000" },
        { "lower exponent", "memory.max", Limits("memory", "1e3"), "1000" },
        { "upper exponent", "memory.max", Limits("memory", "1E3"), "1000" },
        { "a gibibyte", "memory.max", Limits("memory", "1Gi"), "1073741824" },
        { "a fraction of a byte is a byte", "memory.max", Limits("memory", "1500m"), "2" },
        { "more than there is in 64 bits is all of them", "memory.max", Limits("memory", "9Ei"), "9223372036854775807" },
        { "more processors than fit stay positive", "cpu.max", Limits("cpu", "1e18"), "1000000000000 100000" },
        { "and weigh the most", "cpu.weight", Limits("cpu", "1e18"), "10000" },
        { "one processor weighs a little less than the kernel's default, as elsewhere", "cpu.weight", Limits("cpu", "1"), "100" },
        { "half a processor", "cpu.weight", Limits("cpu", "500m"), "59" },
        { "a tenth", "cpu.weight", Limits("cpu", "100m"), "17" },
    };

    [Theory, MemberData(nameof(Notations))]
    public void A_quantity_in_any_notation_reaches_the_file(string because, string file, Dictionary<string, string> limits, string expected)
    {
        string? value = Container(new Pod(), Resources(limits: limits), Node).GetValueOrDefault(file);
        Assert.True(expected == value, $"{because}: {value}");
    }

    [Theory]
    [InlineData("1", 39)]
    [InlineData("500m", 20)]
    [InlineData("100m", 4)]
    [InlineData("1m", 1)]
    [InlineData("1e18", 10_000)]
    public void A_pod_weighs_on_the_straight_line(string cpu, long weight) =>
        Assert.Equal($"{weight}", PodValues(PodOf(Resources(requests: Limits("cpu", cpu))), Node)["cpu.weight"]);

    [Fact]
    public void Sums_beyond_64_bits_stay_at_their_end()
    {
        Pod pod = PodOf(Resources(limits: Limits("memory", "7Ei", "cpu", "1e18")), Resources(limits: Limits("memory", "7Ei", "cpu", "1e18")));
        Assert.Equal("9223372036854775807", PodValues(pod, Node)["memory.max"]);
        Assert.Equal("1000000000000 100000", PodValues(pod, Node)["cpu.max"]);
    }

    [Fact]
    public void A_container_without_a_limit_has_that_of_its_pod()
    {
        Pod pod = WithWhole(PodOf(null, Resources(limits: Limits("memory", "64Mi"))), Resources(limits: Limits("cpu", "2", "memory", "256Mi")));
        Dictionary<string, string> first = Container(pod, null, Node), second = Container(pod, Resources(limits: Limits("memory", "64Mi")), Node);
        Assert.Equal(("200000 100000", $"{256 * Mi}"), (first["cpu.max"], first["memory.max"]));
        Assert.Equal(("200000 100000", $"{64 * Mi}"), (second["cpu.max"], second["memory.max"]));
    }

    public static TheoryData<string, ResourceRequirements?, string?> Throttled => new()
    {
        { "between request and limit", Resources(Limits("memory", "100Mi"), Limits("memory", "200Mi")), $"{190 * Mi}" },
        { "whole pages only", Resources(Limits("memory", "1Mi"), Limits("memory", "1030Ki")), $"{(1L << 20) + 4096}" },
        { "not when the request is the limit", Resources(Limits("memory", "100Mi"), Limits("memory", "100Mi")), null },
        { "up to what pods may have where there is no limit", Resources(Limits("memory", "2Gi")), $"{(2 * Gi + (long)(0.9 * 6 * Gi)) / 4096 * 4096}" },
        { "and from nothing where nothing is asked for", null, $"{(long)(0.9 * 8 * Gi) / 4096 * 4096}" },
    };

    [Theory, MemberData(nameof(Throttled))]
    public void Throttling_begins_where_the_node_says(string because, ResourceRequirements? resources, string? expected)
    {
        string? value = Container(PodOf(resources), resources, Throttling).GetValueOrDefault("memory.high");
        Assert.True(expected == value, $"{because}: {value}");
        Assert.DoesNotContain("memory.high", Container(PodOf(resources), resources, Node).Keys);
    }

    public static TheoryData<string, Pod, string> SwapShares => new()
    {
        { "a quarter of the memory asked for is a quarter of the swap", PodOf(Resources(Limits("memory", "2Gi"))), $"{Gi}" },
        { "none for a container whose request is its limit", PodOf(Resources(limits: Limits("memory", "2Gi"))), "0" },
        { "none for who asks for no memory", PodOf(Resources(Limits("cpu", "1"))), "0" },
        { "none for Guaranteed", PodOf(Resources(limits: Limits("cpu", "1", "memory", "2Gi"))), "0" },
        { "none for BestEffort", PodOf((ResourceRequirements?)null), "0" },
        { "none for what the node cannot do without",
            PodOf(Resources(Limits("memory", "2Gi"))) is var pod ? pod with { Spec = pod.Spec! with { PriorityClassName = "system-node-critical" } } : pod, "0" },
    };

    [Theory, MemberData(nameof(SwapShares))]
    public void Swap_is_shared_out_by_memory_asked_for(string because, Pod pod, string expected)
    {
        ResourceRequirements? resources = pod.Spec!.Containers![0].Resources;
        string value = Container(pod, resources, Swapping)["memory.swap.max"];
        Assert.True(expected == value, $"{because}: {value}");
        Assert.Equal("0", Container(pod, resources, Node)["memory.swap.max"]);
        Assert.Equal("0", PodValues(pod, Node)["memory.swap.max"]);
    }

    [Fact]
    public void Huge_pages_are_limited_for_every_size_of_the_node_and_none_unless_asked_for()
    {
        CgroupSettings node = Node with { HugePageSizes = [2 * Mi, Gi] };
        Pod pod = PodOf(Resources(limits: Limits("cpu", "1", "hugepages-2Mi", "64Mi")), Resources(limits: Limits("cpu", "1", "hugepages-2Mi", "2Mi")));
        string[] files = ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "hugetlb.1GB.max", "hugetlb.1GB.rsvd.max"];

        Dictionary<string, string> container = Container(pod, pod.Spec!.Containers![0].Resources, node), whole = PodValues(pod, node);
        Assert.Equal([$"{64 * Mi}", $"{64 * Mi}", "0", "0"], files.Select(file => container[file]));
        Assert.Equal([$"{66 * Mi}", $"{66 * Mi}", "0", "0"], files.Select(file => whole[file]));
        Assert.Equal(["cpu", "hugetlb"], CgroupValues.ControllersAskedFor(pod, node));
        Assert.DoesNotContain("hugetlb", CgroupValues.ControllersAskedFor(PodOf(Resources(limits: Limits("cpu", "1"))), node));
    }

    [Theory]
    [InlineData(2L << 20, "hugepages-2Mi", "2MB", "hugepages-2048kB")]
    [InlineData(1L << 30, "hugepages-1Gi", "1GB", "hugepages-1048576kB")]
    [InlineData(64L << 10, "hugepages-64Ki", "64KB", "hugepages-64kB")]
    public void A_size_of_huge_pages_has_three_spellings(long bytes, string resource, string file, string sysfs)
    {
        Assert.Equal((resource, file), (HugePageSize.ResourceOf(bytes), HugePageSize.FileName(bytes)));
        Assert.Equal((bytes, bytes), (HugePageSize.Of(resource), HugePageSize.OfSysfs(sysfs)));
    }

    [Theory]
    [InlineData("hugepages-")]
    [InlineData("hugepages-many")]
    [InlineData("cpu")]
    public void What_is_no_size_of_huge_pages_is_none(string resource) => Assert.Null(HugePageSize.Of(resource));

    [Fact]
    public void An_update_sets_limits_back_that_are_not_asked_for_any_more() => Assert.Equal(
        ["cpu.weight=1", "cpu.max=max 100000", "memory.max=max", "memory.high=max", "memory.swap.max=0"],
        CgroupValues.ForContainer(new Pod(), null, Node).Updates().Select(write => $"{write.File}={write.Value}"));

    private static Dictionary<string, string> Container(Pod pod, ResourceRequirements? resources, CgroupSettings node) =>
        CgroupValues.ForContainer(pod, resources, node).Writes().ToDictionary(write => write.File, write => write.Value);

    private static Dictionary<string, string> PodValues(Pod pod, CgroupSettings node) =>
        CgroupValues.ForPod(pod, node).Writes().ToDictionary(write => write.File, write => write.Value);

    private static Pod PodOf(params ResourceRequirements?[] containers) =>
        new() { Spec = new PodSpec { Containers = [.. containers.Select(resources => new Container { Resources = resources })] } };

    private static Pod WithWhole(Pod pod, ResourceRequirements whole) => pod with { Spec = pod.Spec! with { Resources = whole } };

    private static Dictionary<string, string> Limits(params string[] pairs) => pairs.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);

    private static ResourceRequirements Resources(Dictionary<string, string>? requests = null, Dictionary<string, string>? limits = null) => new()
    {
        Requests = requests?.ToDictionary(pair => pair.Key, pair => Quantity.Parse(pair.Value)),
        Limits = limits?.ToDictionary(pair => pair.Key, pair => Quantity.Parse(pair.Value)),
    };
}
