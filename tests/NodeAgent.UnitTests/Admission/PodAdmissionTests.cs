using NodeAgent.Core.Admission;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Admission;

/// <summary>Whether a pod fits beside others, and in whose words it is told that it does not.</summary>
public sealed class PodAdmissionTests
{
    private const long Mi = 1 << 20;
    private static readonly NodeResources Node = new(2000, 1024 * Mi, 10_000, 3);

    public static TheoryData<string, string?, string?, string?> Cases() => new()
    {
        { "a pod that asks for exactly what is left", "100m/24Mi", null, null },
        { "a pod that asks for nothing", null, null, null },
        { "too much cpu", "101m/0", "OutOfcpu", "Node didn't have enough resource: cpu, requested: 101, used: 1900, capacity: 2000" },
        { "too much memory", "0/25Mi", "OutOfmemory", "Node didn't have enough resource: memory, requested: 26214400, used: 1048576000, capacity: 1073741824" },
        { "too much of both names cpu", "1/1Gi", "OutOfcpu", "Node didn't have enough resource: cpu, requested: 1000, used: 1900, capacity: 2000" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_pod_is_admitted_when_all_that_it_asks_for_is_left(string what, string? asked, string? reason, string? message)
    {
        var refusal = PodAdmission.Refusal(Claim(asked), [Claim("1900m/1000Mi")], Node);
        Assert.True(refusal?.Reason == reason && refusal?.Message == message, $"{what}: {refusal}");
    }

    [Fact]
    public void The_pods_message_has_the_prefix_that_the_events_has_not()
    {
        var refusal = PodAdmission.Refusal(Claim("2/0"), [Claim("1900m/0")], Node)!;
        var verdict = refusal.ToVerdict(ObservedPod.Start);
        Assert.Equal("OutOfcpu", verdict.Reason);
        Assert.Equal("Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 1900, capacity: 2000", verdict.Message);
    }

    [Fact]
    public void One_pod_more_than_the_node_takes_is_refused_even_when_it_asks_for_nothing()
    {
        PodClaim[] others = [Claim(null), Claim(null), Claim(null)];
        var refusal = PodAdmission.Refusal(Claim("5/0"), others, Node)!;
        Assert.Equal(("OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public void What_asks_for_nothing_of_a_resource_is_admitted_although_others_have_more_of_it_than_there_is() =>
        Assert.Null(PodAdmission.Refusal(Claim("0/10Mi"), [Claim("5/0")], Node));

    [Fact]
    public void Ephemeral_storage_counts()
    {
        var refusal = PodAdmission.Refusal(Claim("0/0", storage: "6k"), [Claim("0/0", storage: "5k")], Node);
        Assert.Equal("OutOfephemeral-storage", refusal!.Reason);
    }

    [Theory]
    [InlineData("the same port", "", "TCP", 80, true)]
    [InlineData("another port", "", "TCP", 81, false)]
    [InlineData("another protocol", "", "UDP", 80, false)]
    [InlineData("one address of the same port", "127.0.0.1", "TCP", 80, true)]
    [InlineData("one address of another port", "127.0.0.1", "TCP", 81, false)]
    [InlineData("two addresses of the same port", "127.0.0.2", "TCP", 90, false)]
    [InlineData("the same address and port", "127.0.0.1", "TCP", 90, true)]
    [InlineData("every address of a port that is taken on one", "::", "TCP", 90, true)]
    public void A_port_of_the_host_belongs_to_one_pod(string what, string address, string protocol, int port, bool conflict)
    {
        PodClaim other = PodClaim.Of(WithPorts([new() { Port = 80, HostPort = 80, Protocol = "TCP" }, new() { Port = 90, HostPort = 90, HostIP = "127.0.0.1", Protocol = "TCP" }]));
        var refusal = PodAdmission.Refusal(PodClaim.Of(WithPorts([new() { Port = port, HostPort = port, Protocol = protocol, HostIP = address }])), [other], Node);
        Assert.True((refusal is not null) == conflict, $"{what}: {refusal}");
        if (conflict)
            Assert.Equal(("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"), (refusal!.Reason, refusal.Message));
    }

    [Fact]
    public void A_pod_counts_with_its_effective_request()
    {
        Pod pod = PodBuilder.Named("web")
            .Init("init", c => c.Asks("1500m", "300Mi"))
            .Sidecar("log", c => c.Asks("100m", "50Mi"))
            .Main("app", c => c.Asks("400m", "100Mi"))
            .Main("more", c => c with { Resources = new() { Limits = Quantities("cpu", "200m", "memory", "100Mi") } })
            .With(spec => spec with { Overhead = Quantities("cpu", "10m", "memory", "1Mi") })
            .Build();
        Assert.Equal(new NodeResources(1510, 301 * Mi, 0, 1), NodeResources.RequestedBy(pod));

        Pod whole = pod with { Spec = pod.Spec! with { Resources = new() { Requests = Quantities("cpu", "3") } } };
        Assert.Equal(new NodeResources(3010, 301 * Mi, 0, 1), NodeResources.RequestedBy(whole));
    }

    [Fact]
    public void What_is_held_back_leaves_no_less_than_nothing()
    {
        var node = NodeResources.Allocatable(Node, new NodeResources(500, 100 * Mi, 0, 0), new NodeResources(250, 2000 * Mi, 1, 0));
        Assert.Equal(new NodeResources(1250, 0, 9_999, 3), node);
        Assert.Equal("cpu=1250m ephemeral-storage=9999 memory=0 pods=3", string.Join(' ', node.ToQuantities().Select(q => $"{q.Key}={q.Value}")));
    }

    [Fact]
    public void Higher_priority_comes_first_then_the_file_then_the_name()
    {
        (string File, Pod Pod)[] pods =
        [
            ("b", PodBuilder.Named("1").Main("c").Build()),
            ("a", PodBuilder.Named("3").Main("c").Build()),
            ("a", PodBuilder.Named("2").Main("c").Build()),
            ("z", PodBuilder.Named("5").Main("c").With(s => s with { PriorityClassName = "system-node-critical" }).Build()),
            ("y", PodBuilder.Named("6").Main("c").With(s => s with { PriorityClassName = "system-cluster-critical" }).Build()),
            ("x", PodBuilder.Named("4").Main("c").With(s => s with { Priority = -1 }).Build()),
        ];
        Assert.Equal(["5", "6", "2", "3", "1", "4"], PodAdmission.InOrder(pods, p => p.Pod, p => p.File).Select(p => p.Pod.Metadata!.Name));
    }

    private static PodClaim Claim(string? asked, string storage = "0") => PodClaim.Of(PodBuilder.Named("p").Main("c", c =>
    {
        if (asked is null)
            return c;
        string[] parts = asked.Split('/');
        return c with { Resources = new() { Requests = Quantities("cpu", parts[0], "memory", parts[1], "ephemeral-storage", storage) } };
    }).Build());

    private static Pod WithPorts(ContainerPort[] ports) => PodBuilder.Named("p").Main("c", c => c with { Ports = ports }).Build();

    private static Dictionary<string, Quantity> Quantities(params string[] pairs) =>
        pairs.Chunk(2).ToDictionary(pair => pair[0], pair => Quantity.Parse(pair[1]), StringComparer.Ordinal);
}
