using System.Text.Json;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

public sealed class PodDefaultsTests
{
    [Fact(DisplayName = "A minimal pod gets the defaults of the Kubernetes API")]
    public void Minimal()
    {
        string json = JsonSerializer.Serialize(Manifest.Pod(Manifest.Web), KubernetesJson.Wire.Pod);
        Assert.Equal(
            """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"default"},"spec":{"containers":[{"name":"main","image":"example.org/web:1.0","terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler","enableServiceLinks":true}}""",
            json);
    }

    [Theory(DisplayName = "The pull policy follows the image's tag")]
    [InlineData("busybox", "Always")]
    [InlineData("busybox:latest", "Always")]
    [InlineData("busybox:1.36", "IfNotPresent")]
    [InlineData("registry:5000/busybox", "Always")]
    [InlineData("registry:5000/busybox:1", "IfNotPresent")]
    [InlineData("busybox@sha256:0123", "IfNotPresent")]
    [InlineData("busybox:latest@sha256:0123", "Always")]
    [InlineData("busybox:1@sha256:0123", "IfNotPresent")]
    public void PullPolicies(string image, string policy) => Assert.Equal(policy, PodDefaults.PullPolicyFor(image));

    [Fact(DisplayName = "Requests default to limits, resource by resource")]
    public void Requests()
    {
        ResourceRequirements resources = Manifest.Pod(Manifest.WithContainer(
            "resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}")).Spec!.Containers![0].Resources!;
        Assert.Equal(Quantity.Parse("1"), resources.Requests!["cpu"]);
        Assert.Equal(Quantity.Parse("1Gi"), resources.Requests["memory"]);
    }

    [Fact(DisplayName = "On the host's network the host port is the container's, elsewhere it stays absent")]
    public void HostPorts()
    {
        string text = Manifest.WithContainer("ports: [{containerPort: 80}]");
        Assert.Null(Manifest.Pod(text).Spec!.Containers![0].Ports![0].HostPort);
        ContainerPort port = Manifest.Pod(text + "  hostNetwork: true\n").Spec!.Containers![0].Ports![0];
        Assert.Equal((80, "TCP"), (port.HostPort, port.Protocol));
    }

    [Fact(DisplayName = "Probes, hooks, field references and volumes get their defaults")]
    public void Rest()
    {
        var pod = new Pod
        {
            Spec = new PodSpec
            {
                ServiceAccount = "robot",
                Containers =
                [
                    new Container
                    {
                        Image = "i",
                        LivenessProbe = new Probe { HttpGet = new HttpGetAction { Port = 80 }, PeriodSeconds = 0 },
                        ReadinessProbe = new Probe { Grpc = new GrpcAction { Port = 1 }, TimeoutSeconds = 5 },
                        Lifecycle = new Lifecycle { PreStop = new LifecycleHandler { HttpGet = new HttpGetAction { Port = 80, Path = "/x" } } },
                        Env = [new EnvVar { Name = "A", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = "metadata.name" } } }],
                    },
                ],
                Volumes =
                [
                    new Volume { Name = "none" },
                    new Volume { Name = "host", HostPath = new HostPathVolumeSource { Path = "/x" } },
                    new Volume { Name = "secret", Secret = new SecretVolumeSource { SecretName = "s" } },
                    new Volume { Name = "image", Image = new ImageVolumeSource { Reference = "i:1" } },
                    new Volume
                    {
                        Name = "projected",
                        Projected = new ProjectedVolumeSource { Sources = [new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "t" } }] },
                    },
                ],
            },
        };
        PodSpec spec = PodDefaults.Apply(pod).Spec!;
        Container container = spec.Containers![0];
        Assert.Equal(new Probe { HttpGet = new HttpGetAction { Port = 80, Path = "/", Scheme = "HTTP" }, TimeoutSeconds = 1, PeriodSeconds = 10, SuccessThreshold = 1, FailureThreshold = 3 }, container.LivenessProbe);
        Assert.Equal(new Probe { Grpc = new GrpcAction { Port = 1, Service = "" }, TimeoutSeconds = 5, PeriodSeconds = 10, SuccessThreshold = 1, FailureThreshold = 3 }, container.ReadinessProbe);
        Assert.Equal(new HttpGetAction { Port = 80, Path = "/x", Scheme = "HTTP" }, container.Lifecycle!.PreStop!.HttpGet);
        Assert.Equal("v1", container.Env![0].ValueFrom!.FieldRef!.ApiVersion);
        Assert.Equal("robot", spec.ServiceAccountName);
        Assert.Equal(new EmptyDirVolumeSource(), spec.Volumes![0].EmptyDir);
        Assert.Equal("", spec.Volumes[1].HostPath!.Type);
        Assert.Equal(420, spec.Volumes[2].Secret!.DefaultMode);
        Assert.Equal("IfNotPresent", spec.Volumes[3].Image!.PullPolicy);
        Assert.Equal(3600, spec.Volumes[4].Projected!.Sources![0].ServiceAccountToken!.ExpirationSeconds);
    }

    [Fact(DisplayName = "Defaults applied a second time change nothing")]
    public void Idempotent()
    {
        Pod once = PodDefaults.Apply(ModelPod());
        string first = JsonSerializer.Serialize(once, KubernetesJson.Wire.Pod);
        Assert.Equal(first, JsonSerializer.Serialize(PodDefaults.Apply(once), KubernetesJson.Wire.Pod));
    }

    private static Pod ModelPod() => JsonSerializer.Deserialize(
        Model.ModelSample.Of(KubernetesJson.Default.Pod).ToJsonString(), KubernetesJson.Default.Pod)!;
}
