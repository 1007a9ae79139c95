using NodeAgent.Core.Admission;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Configuration;

/// <summary>What the configuration file may say of the node's size.</summary>
public sealed class ReservationTests
{
    [Fact]
    public void Reservations_are_quantities_by_resource()
    {
        var (configuration, errors) = ConfigurationText.Parse("maxPods: 20\nsystemReserved: {cpu: 250m, memory: 256Mi, ephemeral-storage: 1Gi}\nkubeReserved: {cpu: 1}\n");
        Assert.Empty(errors);
        Assert.Equal(20, configuration!.MaxPods);
        Assert.Equal(new NodeResources(250, 256 << 20, 1 << 30, 0), configuration.SystemReserved);
        Assert.Equal(new NodeResources(1000, 0, 0, 0), configuration.KubeReserved);
    }

    [Theory]
    [InlineData("systemReserved: {memroy: 1Gi}", "systemReserved.memroy", ManifestReason.UnknownField)]
    [InlineData("systemReserved: {memory: lots}", "systemReserved.memory", ManifestReason.InvalidValue)]
    [InlineData("kubeReserved: {cpu: -1}", "kubeReserved.cpu", ManifestReason.OutOfRange)]
    [InlineData("kubeReserved: 1Gi", "kubeReserved", ManifestReason.WrongType)]
    [InlineData("maxPods: 0", "maxPods", ManifestReason.OutOfRange)]
    [InlineData("maxPods: many", "maxPods", ManifestReason.WrongType)]
    public void What_cannot_be_meant_is_an_error_with_its_place(string line, string path, ManifestReason reason) => ConfigurationText.AssertRefused(line, path, reason);
}
