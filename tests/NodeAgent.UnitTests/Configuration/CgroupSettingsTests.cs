using NodeAgent.Core.Manifests;
using NodeAgent.Core.Resources;
using Xunit;

namespace NodeAgent.UnitTests.Configuration;

/// <summary>What the configuration file may say of cgroups and limits.</summary>
public sealed class CgroupSettingsTests
{
    [Fact]
    public void Settings_are_read_by_the_kubelets_names()
    {
        var (configuration, errors) = ConfigurationText.Parse(
            "cgroupDriver: systemd\ncgroupRoot: pods\npodPidsLimit: 512\nsingleProcessOOMKill: true\nmemorySwap: {swapBehavior: LimitedSwap}\nmemoryThrottlingFactor: 0.8\n");
        Assert.Empty(errors);
        Assert.Equal(("systemd", "pods", 512L, true), (configuration!.CgroupDriver, configuration.CgroupRoot, configuration.PodPidsLimit, configuration.SingleProcessOOMKill));
        Assert.Equal((SwapBehavior.LimitedSwap, 0.8), (configuration.SwapBehavior, configuration.MemoryThrottlingFactor));
    }

    [Theory]
    [InlineData("cgroupDriver: docker", "cgroupDriver", ManifestReason.UnsupportedValue)]
    [InlineData("podPidsLimit: -2", "podPidsLimit", ManifestReason.OutOfRange)]
    [InlineData("podPidsLimit: many", "podPidsLimit", ManifestReason.WrongType)]
    [InlineData("memorySwap: LimitedSwap", "memorySwap", ManifestReason.WrongType)]
    [InlineData("memorySwap: {swapBehavior: UnlimitedSwap}", "memorySwap.swapBehavior", ManifestReason.UnsupportedValue)]
    [InlineData("memorySwap: {behavior: NoSwap}", "memorySwap.behavior", ManifestReason.UnknownField)]
    [InlineData("memoryThrottlingFactor: 0", "memoryThrottlingFactor", ManifestReason.OutOfRange)]
    [InlineData("memoryThrottlingFactor: 1.1", "memoryThrottlingFactor", ManifestReason.OutOfRange)]
    [InlineData("memoryThrottlingFactor: much", "memoryThrottlingFactor", ManifestReason.WrongType)]
    public void What_cannot_be_meant_is_an_error_with_its_place(string line, string path, ManifestReason reason) => ConfigurationText.AssertRefused(line, path, reason);
}
