using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>Resources of a pod as a whole, beside those of its containers, and huge pages.</summary>
public sealed class PodResourceTests
{
    [Theory]
    [InlineData("resources: {limits: {cpu: 1, hugepages-2Mi: 4Mi}}", "{}")]
    [InlineData("resources: {}", "{limits: {cpu: 1, memory: 1Gi}}")]
    [InlineData("resources: {requests: {cpu: 1}}", "{requests: {cpu: 1}, limits: {cpu: 2}}")]
    [InlineData("resources: {limits: {memory: 1Gi}}", "{limits: {memory: 1024Mi}}")]
    public void What_fits_is_taken(string container, string pod) => Assert.Empty(Parse(container, pod).Errors);

    [Theory]
    [InlineData("resources: {requests: {cpu: 2}}", "{requests: {cpu: 1}}", "spec.resources.requests[cpu]")]
    [InlineData("resources: {limits: {memory: 2Gi}}", "{requests: {memory: 1Gi}}", "spec.resources.requests[memory]")]
    [InlineData("resources: {requests: {cpu: 1}, limits: {cpu: 2}}", "{limits: {cpu: 1}}", "spec.resources.limits[cpu]")]
    [InlineData("resources: {}", "{requests: {cpu: 2}, limits: {cpu: 1}}", "spec.resources.requests[cpu]")]
    public void Containers_have_to_fit_into_the_pod(string container, string pod, string path) =>
        Assert.Contains(Parse(container, pod).Errors, error => error.FieldPath == path && error.Reason == ManifestReason.InvalidValue);

    [Fact]
    public void A_pod_as_a_whole_has_no_disk() => Assert.Contains(
        Parse("resources: {}", "{limits: {ephemeral-storage: 1Gi}}").Errors,
        error => error.FieldPath == "spec.resources.limits[ephemeral-storage]" && error.Reason == ManifestReason.UnsupportedValue);

    [Theory]
    [InlineData("resources: {requests: {cpu: 300m}}", "{limits: {cpu: 1}}", "300m")]
    [InlineData("resources: {limits: {cpu: 400m}}", "{limits: {cpu: 1}}", "400m")]
    [InlineData("resources: {}", "{limits: {cpu: 1}}", "1")]
    [InlineData("resources: {requests: {cpu: 300m}}", "{limits: {cpu: 1}, requests: {cpu: 500m}}", "500m")]
    public void The_request_of_a_pod_is_its_own_or_its_containers_or_its_limit(string container, string pod, string cpu) =>
        Assert.Equal(Quantity.Parse(cpu), Assert.Single(Parse(container, pod).Pods).Spec!.Resources!.Requests![ResourceName.Cpu]);

    private static ManifestFile Parse(string container, string pod) => Manifest.Parse(Manifest.WithContainer(container) + $"  resources: {pod}\n");
}
