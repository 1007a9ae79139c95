using NodeAgent.Core.Eviction;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Configuration;

/// <summary>What the configuration file may say of eviction.</summary>
public sealed class EvictionReaderTests
{
    [Fact]
    public void Nothing_written_leaves_the_defaults() => Assert.Null(ConfigurationText.Parse("").Configuration!.Eviction);

    [Fact]
    public void A_written_evictionHard_replaces_all_defaults_and_another_field_leaves_them()
    {
        Assert.Equal(["pid.available<100"], Hard("evictionHard: {pid.available: 100}\n"));
        Assert.Empty(Hard("evictionHard: {}\n"));
        Assert.Equal(EvictionSettings.Default.Thresholds, ConfigurationText.Parse("evictionPressureTransitionPeriod: 30s\n").Configuration!.Eviction!.Thresholds);

        static IEnumerable<string> Hard(string text) => ConfigurationText.Parse(text).Configuration!.Eviction!.Thresholds.Select(t => $"{EvictionSignals.Name(t.Signal)}<{t.Value}");
    }

    [Fact]
    public void All_fields_together()
    {
        EvictionSettings settings = ConfigurationText.Parse("""
            evictionHard: {memory.available: 5%, imagefs.available: 1Gi}
            evictionSoft: {memory.available: 300Mi}
            evictionSoftGracePeriod: {memory.available: 1m30s}
            evictionMinimumReclaim: {imagefs.available: 2Gi}
            evictionPressureTransitionPeriod: 30s
            evictionMaxPodGracePeriod: 20

            """).Configuration!.Eviction!;
        Assert.Equal(
            ["memory.available<5% 0 ", "allocatableMemory.available<5% 0 ", "imagefs.available<1Gi 0 2Gi", "memory.available<300Mi 90 "],
            settings.Thresholds.Select(t => $"{EvictionSignals.Name(t.Signal)}<{t.Value} {t.Grace.TotalSeconds} {t.MinimumReclaim}"));
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(20)), (settings.PressureTransitionPeriod, settings.MaxPodGracePeriod));
    }

    [Theory]
    [InlineData("evictionHard: {memory.available: lots}", "evictionHard[memory.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionHard: {memory.available: 120%}", "evictionHard[memory.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionHard: {memory.available: -5%}", "evictionHard[memory.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionHard: {memory.available: -1Mi}", "evictionHard[memory.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionHard: {memory.free: 1Mi}", "evictionHard[memory.free]", ManifestReason.UnsupportedValue)]
    [InlineData("evictionHard: 100Mi", "evictionHard", ManifestReason.WrongType)]
    [InlineData("evictionSoft: {memory.available: 1Gi}", "evictionSoft[memory.available]", ManifestReason.MissingField)]
    [InlineData("evictionSoftGracePeriod: {memory.available: soon}", "evictionSoftGracePeriod[memory.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionMinimumReclaim: {nodefs.available: 1Zi}", "evictionMinimumReclaim[nodefs.available]", ManifestReason.InvalidValue)]
    [InlineData("evictionPressureTransitionPeriod: 5", "evictionPressureTransitionPeriod", ManifestReason.InvalidValue)]
    [InlineData("evictionMaxPodGracePeriod: 20s", "evictionMaxPodGracePeriod", ManifestReason.WrongType)]
    [InlineData("evictionMaxPodGracePeriod: -1", "evictionMaxPodGracePeriod", ManifestReason.OutOfRange)]
    public void What_cannot_be_meant_is_an_error_with_its_place(string line, string path, ManifestReason reason) => ConfigurationText.AssertRefused(line, path, reason);
}
