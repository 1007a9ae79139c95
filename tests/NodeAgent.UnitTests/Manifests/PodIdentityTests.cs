using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>The identity of a pod: what changes it, what does not, and that it never changes with a version.</summary>
public sealed class PodIdentityTests
{
    private const string Rich = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          labels: {app: web, "a": "ü\"\\"}
        spec:
          hostAliases: [{ip: 10.0.0.9, hostnames: [db]}]
          containers:
          - name: main
            image: example.org/web:1.0
            env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
            ports: [{containerPort: 80}]
            resources: {limits: {cpu: 500m, memory: 64Mi}}
            volumeMounts: [{name: tmp, mountPath: /tmp}]
          volumes: [{name: tmp}, {name: host, hostPath: {path: /srv}}]
        """;

    [Fact(DisplayName = "The canonical form and the UID are what they have always been: a new version must not restart pods")]
    public void Golden()
    {
        Pod pod = Manifest.Pod(Rich.Replace("ü\\\"\\\\", "v1", StringComparison.Ordinal));
        Assert.Equal(
            """{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"a":"v1","app":"web"},"name":"web"},"spec":{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],"image":"example.org/web:1.0","name":"main","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"500m","memory":"64Mi"}},"volumeMounts":[{"mountPath":"/tmp","name":"tmp"}]}],"hostAliases":[{"hostnames":["db"],"ip":"10.0.0.9"}],"volumes":[{"name":"tmp"},{"hostPath":{"path":"/srv"},"name":"host"}]}}""",
            CanonicalForm.Of(pod));
        Assert.Equal("cc169211-387a-8f9d-9710-63586105ea12", PodIdentity.Uid("node-1", "/etc/podagent/web.yaml", pod));
    }

    [Fact(DisplayName = "A UID is a UUID of version 8")]
    public void Uuid()
    {
        string uid = PodIdentity.Uid("n", "f", Manifest.Pod(Manifest.Web));
        Assert.True(Guid.TryParseExact(uid, "D", out Guid guid));
        Assert.Equal((8, 'T'), (guid.Version, "89ab".Contains(uid[19]) ? 'T' : 'F'));
    }

    [Fact(DisplayName = "Node, file and content each change the UID; their border cannot be shifted")]
    public void Parts()
    {
        Pod pod = Manifest.Pod(Manifest.Web);
        string[] uids =
        [
            PodIdentity.Uid("n", "f", pod), PodIdentity.Uid("m", "f", pod), PodIdentity.Uid("n", "g", pod), PodIdentity.Uid("nf", "", pod),
            PodIdentity.Uid("n", "f", Manifest.Pod(Manifest.WithContainer("tty: true"))),
        ];
        Assert.Equal(uids.Length, uids.Distinct().Count());
    }

    [Theory(DisplayName = "Writing out a default, another order or another notation keeps the UID")]
    [InlineData("restartPolicy: Always\nterminationGracePeriodSeconds: 30\ndnsPolicy: ClusterFirst")]
    [InlineData("hostNetwork: false\nsecurityContext: {}\ntolerations: []\nnodeName: here")]
    [InlineData("enableServiceLinks: true\nschedulerName: default-scheduler\naffinity: {}")]
    public void SameWish(string lines) => Assert.Equal(
        PodIdentity.Uid("n", "f", Manifest.Pod(Manifest.Web)), PodIdentity.Uid("n", "f", Manifest.Pod(Manifest.WithSpec(lines))));

    [Fact(DisplayName = "The order of keys, YAML or JSON, and the metadata of a server do not matter")]
    public void Spelling()
    {
        Pod yaml = Manifest.Pod(Manifest.WithContainer("resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {memory: 1Gi}}"));
        Pod json = Manifest.Parse("""
            {"spec":{"containers":[{"imagePullPolicy":"IfNotPresent","image":"example.org/web:1.0","name":"main",
              "resources":{"requests":{"cpu":"1","memory":"1Gi"},"limits":{"memory":"1Gi","cpu":1}}}]},
             "status":{"phase":"Running"},"metadata":{"uid":"x","resourceVersion":"7","creationTimestamp":null,"namespace":"default","name":"web"},
             "kind":"Pod","apiVersion":"v1"}
            """, "x.json").Pods.Single();
        Assert.Equal(CanonicalForm.Of(yaml), CanonicalForm.Of(json));
    }

    [Theory(DisplayName = "Every real difference changes the canonical form")]
    [InlineData("restartPolicy: Never")]
    [InlineData("terminationGracePeriodSeconds: 0")]
    [InlineData("enableServiceLinks: false")]
    [InlineData("automountServiceAccountToken: false")]
    [InlineData("securityContext: {runAsUser: 0}")]
    [InlineData("volumes: [{name: a}]")]
    [InlineData("shareProcessNamespace: true")]
    public void RealDifference(string lines) => Assert.NotEqual(
        CanonicalForm.Of(Manifest.Pod(Manifest.Web)), CanonicalForm.Of(Manifest.Pod(Manifest.WithSpec(lines))));

    [Fact(DisplayName = "Every field of a spec that is set counts, so nothing can change unseen")]
    public void EveryFieldCounts()
    {
        string without = CanonicalForm.Of(new Pod { Spec = new PodSpec() });
        foreach (JsonPropertyInfo property in KubernetesJson.Default.PodSpec.Properties)
        {
            if (property.Name is "nodeName") continue;
            JsonNode sample = Model.ModelSample.Of(KubernetesJson.Default.Options.GetTypeInfo(property.PropertyType));
            // True is the default of one field and the absence of none.
            if (property.Name == "enableServiceLinks") sample = false;
            var pod = JsonSerializer.Deserialize(new JsonObject { ["spec"] = new JsonObject { [property.Name] = sample } }.ToJsonString(), KubernetesJson.Default.Pod)!;
            Assert.True(CanonicalForm.Of(pod) != without, property.Name);
        }
    }

    [Fact(DisplayName = "Defaulting never changes the canonical form: each default is left out of it")]
    public void DefaultsAreLeftOut()
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta { Name = "a" },
            Spec = new PodSpec
            {
                HostNetwork = true,
                ServiceAccountName = "robot",
                Containers = [Full()],
                InitContainers = [Full()],
                Volumes =
                [
                    new Volume { Name = "a" },
                    new Volume { Name = "b", HostPath = new HostPathVolumeSource { Path = "/x" } },
                    new Volume { Name = "c", Secret = new SecretVolumeSource { SecretName = "s" } },
                    new Volume { Name = "d", ConfigMap = new ConfigMapVolumeSource { Name = "s" } },
                    new Volume { Name = "e", DownwardAPI = new DownwardApiVolumeSource() },
                    new Volume { Name = "f", Image = new ImageVolumeSource { Reference = "x" } },
                    new Volume
                    {
                        Name = "g",
                        Projected = new ProjectedVolumeSource
                        {
                            Sources =
                            [
                                new VolumeProjection { DownwardAPI = new DownwardApiProjection() },
                                new VolumeProjection { ServiceAccountToken = new ServiceAccountTokenProjection { Path = "t" } },
                            ],
                        },
                    },
                    new Volume { Name = "h", Ephemeral = new EphemeralVolumeSource { VolumeClaimTemplate = new PersistentVolumeClaimTemplate { Spec = new PersistentVolumeClaimSpec { VolumeName = "v" } } } },
                ],
            },
        };
        Assert.Equal(CanonicalForm.Of(pod), CanonicalForm.Of(PodDefaults.Apply(pod)));
        Assert.Contains("\"downwardAPI\":{}", CanonicalForm.Of(pod), StringComparison.Ordinal);
    }

    [Theory(DisplayName = "Cpu and memory that can be changed while the pod runs are no part of its UID; its class, and what cannot, are")]
    [InlineData("more of both", "resources: {limits: {cpu: 2, memory: 2Gi}}", true)]
    [InlineData("a default written out", "resources: {limits: {cpu: 1, memory: 1Gi}}\nresizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]", true)]
    [InlineData("another class: Burstable", "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1m}}", false)]
    [InlineData("another class: BestEffort", "tty: false", false)]
    [InlineData("a policy", "resources: {limits: {cpu: 1, memory: 1Gi}}\nresizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]", false)]
    [InlineData("another resource", "resources: {limits: {cpu: 1, memory: 1Gi, hugepages-2Mi: 4Mi}}", false)]
    public void Resizable(string what, string lines, bool same)
    {
        Pod before = Manifest.Pod(Manifest.WithContainer("resources: {limits: {cpu: 1, memory: 1Gi}}")), after = Manifest.Pod(Manifest.WithContainer(lines));
        Assert.True(same == (PodIdentity.Uid("n", "f", before) == PodIdentity.Uid("n", "f", after)), what);
    }

    [Fact(DisplayName = "Of init containers only a sidecar can be resized; the resources of the others are part of the UID")]
    public void ResizableInits()
    {
        string uid(string cpu, string? policy) => PodIdentity.Uid("n", "f", new Pod
        {
            Spec = new PodSpec
            {
                Containers = [new Container { Name = "main", Image = "i" }],
                InitContainers = [new Container { Name = "init", Image = "i", RestartPolicy = policy, Resources = new ResourceRequirements { Requests = new Dictionary<string, Quantity> { ["cpu"] = Quantity.Parse(cpu) } } }],
            },
        });
        Assert.Equal(uid("1", RestartPolicy.Always), uid("2", RestartPolicy.Always));
        Assert.NotEqual(uid("1", null), uid("2", null));
    }

    private static Container Full()
    {
        var probe = new Probe { HttpGet = new HttpGetAction { Port = 80 } };
        return new Container
        {
            Name = "c",
            Image = "i",
            Ports = [new ContainerPort { Port = 80 }],
            Env = [new EnvVar { Name = "A", ValueFrom = new EnvVarSource { FieldRef = new ObjectFieldSelector { FieldPath = "metadata.name" } } }],
            Resources = new ResourceRequirements { Limits = new Dictionary<string, Quantity> { ["cpu"] = Quantity.Parse("1") } },
            LivenessProbe = probe,
            ReadinessProbe = probe,
            StartupProbe = new Probe { Grpc = new GrpcAction { Port = 1 } },
            Lifecycle = new Lifecycle { PreStop = new LifecycleHandler { HttpGet = new HttpGetAction { Port = 1 } } },
        };
    }
}
