using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.UnitTests.Bundle;

public sealed class ContainerEnvironmentTests
{
    private static readonly Pod Web = new()
    {
        Metadata = new ObjectMeta
        {
            Name = "web",
            Namespace = "shop",
            Uid = "u-1",
            Labels = new Dictionary<string, string> { ["app.kubernetes.io/name"] = "web" },
            Annotations = new Dictionary<string, string> { ["note"] = "$(A)" },
        },
        Spec = new PodSpec
        {
            ServiceAccountName = "robot",
            Containers =
            [
                new Container { Name = "other", Resources = new ResourceRequirements { Limits = Amounts(("memory", "1Gi")) } },
            ],
        },
    };

    private static readonly DownwardFacts Facts = new(Web, "node-1", ["10.0.0.9", "fd00::9"], ["10.1.0.2", "fd00::2"], new NodeAllocatable(2000, 8L << 30, 100L << 30));

    [Fact]
    public void The_image_comes_first_and_the_manifest_replaces_in_place()
    {
        ImageConfig image = new() { Env = ["PATH=/opt/bin", "A=image", "B=image"] };
        Assert.Equal(
            ["PATH=/opt/bin", "HOSTNAME=web", "A=image", "B=mine", "C=new", "HOME=/home/me"],
            ContainerEnvironment.Resolve(image, [new("B", "mine"), new("C", "new")], "web", "/home/me", tty: false));
    }

    [Fact]
    public void Without_an_image_there_are_path_hostname_and_home() =>
        Assert.Equal(
            ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=web", "HOME=/"],
            ContainerEnvironment.Resolve(new ImageConfig(), [], "web", null, tty: false));

    [Fact]
    public void A_terminal_has_a_type_that_the_image_may_replace()
    {
        Assert.Contains("TERM=xterm", ContainerEnvironment.Resolve(new ImageConfig(), [], "web", null, tty: true));
        Assert.Contains("TERM=vt100", ContainerEnvironment.Resolve(new ImageConfig { Env = ["TERM=vt100"] }, [], "web", null, tty: true));
    }

    [Fact]
    public void A_home_that_somebody_set_stays() =>
        Assert.Contains("HOME=/set", ContainerEnvironment.Resolve(new ImageConfig { Env = ["HOME=/set"] }, [], "web", "/root", tty: false));

    [Fact]
    public void An_image_entry_without_a_value_sets_nothing() =>
        Assert.DoesNotContain(ContainerEnvironment.Resolve(new ImageConfig { Env = ["ODD", "=x"] }, [], "web", null, tty: false), entry => entry.Contains("ODD") || entry.StartsWith('='));

    [Fact]
    public void A_variable_sees_those_above_it_and_not_those_below()
    {
        IReadOnlyList<KeyValuePair<string, string>> variables = FromManifest(
            new EnvVar { Name = "EARLY", Value = "$(LATE)" }, new EnvVar { Name = "LATE", Value = "1" }, new EnvVar { Name = "BOTH", Value = "$(EARLY)-$(LATE)" });
        Assert.Equal([new("EARLY", "$(LATE)"), new("LATE", "1"), new("BOTH", "$(LATE)-1")], variables);
    }

    [Fact]
    public void A_name_given_twice_has_its_last_value_and_the_second_sees_the_first() =>
        Assert.Equal([new("A", "1:2")], FromManifest(new EnvVar { Name = "A", Value = "1" }, new EnvVar { Name = "A", Value = "$(A):2" }));

    [Theory]
    [InlineData("metadata.name", "web")]
    [InlineData("metadata.namespace", "shop")]
    [InlineData("metadata.uid", "u-1")]
    [InlineData("metadata.labels['app.kubernetes.io/name']", "web")]
    [InlineData("metadata.labels['none']", "")]
    [InlineData("metadata.annotations['note']", "$(A)")]
    [InlineData("spec.nodeName", "node-1")]
    [InlineData("spec.serviceAccountName", "robot")]
    [InlineData("status.hostIP", "10.0.0.9")]
    [InlineData("status.hostIPs", "10.0.0.9,fd00::9")]
    [InlineData("status.podIP", "10.1.0.2")]
    [InlineData("status.podIPs", "10.1.0.2,fd00::2")]
    public void A_field_of_the_pod_is_its_value_unexpanded(string path, string expected) =>
        Assert.Equal(
            [new("A", "x"), new("V", expected)],
            FromManifest(new EnvVar { Name = "A", Value = "x" }, new EnvVar { Name = "V", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = path } } }));

    [Theory]
    [InlineData("limits.cpu", null, "1")]
    [InlineData("limits.cpu", "1m", "500")]
    [InlineData("requests.cpu", "1m", "250")]
    [InlineData("limits.memory", null, "8589934592")]
    [InlineData("limits.memory", "1Mi", "8192")]
    [InlineData("requests.memory", "1Mi", "96")]
    [InlineData("requests.ephemeral-storage", null, "0")]
    [InlineData("limits.ephemeral-storage", "1Gi", "100")]
    public void A_resource_is_divided_and_rounded_up_and_the_node_stands_in_for_a_missing_limit(string resource, string? divisor, string expected)
    {
        Container container = new()
        {
            Name = "c",
            Resources = new ResourceRequirements { Limits = Amounts(("cpu", "500m")), Requests = Amounts(("cpu", "250m"), ("memory", "100000k")) },
            Env = [Resource(resource, divisor, null)],
        };
        Assert.Equal(expected, Assert.Single(ContainerEnvironment.FromManifest(container, Facts)).Value);
    }

    [Fact]
    public void Another_containers_resource_can_be_asked_for() =>
        Assert.Equal("1024", Assert.Single(FromManifest(Resource("limits.memory", "1Mi", "other"))).Value);

    [Fact]
    public void What_cannot_be_had_is_refused_in_the_words_of_Kubernetes()
    {
        Assert.Equal("unsupported fieldPath: spec.volumes", Refused(new EnvVar { Name = "V", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = "spec.volumes" } } }));
        Assert.Equal("unsupported container resource: limits.gpu", Refused(Resource("limits.gpu", null, null)));
        Assert.Equal("resourceFieldRef: container ghost is not in the pod", Refused(Resource("limits.cpu", null, "ghost")));
        Assert.Equal("configmap \"cm\" not found", Refused(new EnvVar { Name = "V", ValueFrom = new EnvVarSource { ConfigMapKeyRef = new ConfigMapKeySelector { Name = "cm", Key = "k" } } }));
    }

    [Fact]
    public void An_optional_source_that_is_not_there_sets_nothing() =>
        Assert.Empty(FromManifest(new EnvVar { Name = "V", ValueFrom = new EnvVarSource { SecretKeyRef = new SecretKeySelector { Name = "s", Key = "k", Optional = true } } }));

    private static string Refused(EnvVar variable)
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => FromManifest(variable));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        return e.Message;
    }

    private static IReadOnlyList<KeyValuePair<string, string>> FromManifest(params EnvVar[] variables) =>
        ContainerEnvironment.FromManifest(new Container { Name = "c", Env = variables }, Facts);

    private static EnvVar Resource(string resource, string? divisor, string? container) => new()
    {
        Name = "V",
        ValueFrom = new EnvVarSource
        {
            ResourceFieldRef = new ResourceFieldSelector { Resource = resource, ContainerName = container, Divisor = divisor is null ? null : Quantity.Parse(divisor) },
        },
    };

    private static Dictionary<string, Quantity> Amounts(params (string Name, string Amount)[] amounts) =>
        amounts.ToDictionary(amount => amount.Name, amount => Quantity.Parse(amount.Amount));
}
