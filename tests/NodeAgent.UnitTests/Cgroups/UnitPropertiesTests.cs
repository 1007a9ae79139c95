using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups.Systemd;
using Xunit;

namespace NodeAgent.UnitTests.Cgroups;

/// <summary>What systemd is told of a pod, as data.</summary>
public sealed class UnitPropertiesTests
{
    private static readonly Pod Web = new()
    {
        Metadata = new ObjectMeta { Name = "web", Namespace = "shop" },
        Spec = new PodSpec { TerminationGracePeriodSeconds = 10 },
    };

    [Fact]
    public void A_scope_is_delegated_collected_and_ordered_to_stop_after_the_agent() => Assert.Equal(
        [
            "Description=pod shop/web", "Slice=podagent-burstable.slice", "PIDs=[42]", "Delegate=True", "CollectMode=inactive-or-failed",
            "KillMode=control-group", "SendSIGHUP=False", "TimeoutStopUSec=15000000", "Before=[podagent.service]", "OOMPolicy=continue",
        ],
        Lines(UnitProperties.OfScope(Web, "podagent-burstable.slice", 42, "podagent.service", withOomPolicy: true, CgroupValues.None))[..10]);

    [Fact]
    public void An_older_systemd_is_not_told_of_what_it_does_not_know() => Assert.DoesNotContain(
        UnitProperties.OfScope(Web, "podagent.slice", 42, "podagent.service", withOomPolicy: false, CgroupValues.None),
        property => property.Name == "OOMPolicy");

    [Fact]
    public void An_agent_that_is_no_unit_orders_nothing() => Assert.DoesNotContain(
        UnitProperties.OfScope(Web, "podagent.slice", 42, null, withOomPolicy: true, CgroupValues.None), property => property.Name == "Before");

    [Fact]
    public void Limits_become_the_units_own() => Assert.Equal(
        [
            "CPUWeight=39", "CPUQuotaPerSecUSec=1500000", "CPUQuotaPeriodUSec=100000", "MemoryMax=268435456", "MemoryHigh=134217728", "MemorySwapMax=0", "TasksMax=64",
        ],
        Lines(UnitProperties.OfValues(new CgroupValues
        {
            CpuWeight = 39,
            CpuQuota = 150_000,
            MemoryMax = 256 << 20,
            MemoryHigh = 128 << 20,
            SwapMax = 0,
            PidsMax = 64,
        })));

    [Fact]
    public void No_limit_is_told_as_infinity_since_the_manager_has_defaults_of_its_own() => Assert.All(
        UnitProperties.OfValues(CgroupValues.None with { CpuWeight = 1 }).Where(property => property.Name is not ("CPUWeight" or "CPUQuotaPeriodUSec")),
        property => Assert.Equal(ulong.MaxValue, property.Value));

    [Theory]
    [InlineData(PodQosClass.Burstable, 2000, 79)]
    [InlineData(PodQosClass.BestEffort, 2000, 1)]
    public void Slices_of_classes_have_a_weight(string qos, long milli, ulong weight) =>
        Assert.Equal([$"CPUWeight={weight}"], Lines(UnitProperties.OfClass(qos, milli)));

    private static string[] Lines(IEnumerable<BusProperty> properties) => [.. properties.Select(property => $"{property.Name}={property.Value switch
    {
        IReadOnlyList<string> texts => $"[{string.Join(' ', texts)}]",
        IReadOnlyList<uint> numbers => $"[{string.Join(' ', numbers)}]",
        var value => value,
    }}")];
}
