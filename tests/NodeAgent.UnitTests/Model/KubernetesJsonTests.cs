using System.Text.Json;
using System.Text.Json.Nodes;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Model;

public sealed class KubernetesJsonTests
{
    [Fact(DisplayName = "A document with every JSON name in use survives reading and writing")]
    public void EveryFieldSurvives()
    {
        JsonNode filled = ModelSample.Of(KubernetesJson.Default.Pod);
        Pod pod = JsonSerializer.Deserialize(filled.ToJsonString(), KubernetesJson.Default.Pod)!;
        JsonNode? written = JsonNode.Parse(JsonSerializer.Serialize(pod, KubernetesJson.Wire.Pod));
        Assert.True(JsonNode.DeepEquals(filled, written), "the document changed on its way through the model");
    }

    [Fact(DisplayName = "Names follow the Kubernetes API where plain camel case would not")]
    public void Names()
    {
        string json = JsonSerializer.Serialize(new Pod
        {
            Spec = new PodSpec
            {
                HostPID = true,
                SetHostnameAsFQDN = true,
                Containers = [new Container { Ports = [new ContainerPort { Port = 80, HostIP = "127.0.0.1" }] }],
                Volumes = [new Volume { DownwardAPI = new(), ScaleIO = new(), Cephfs = new(), Nfs = new() }],
            },
            Status = new PodStatus { PodIP = "10.0.0.2", PodIPs = [new PodIP { Ip = "10.0.0.2" }], QosClass = PodQosClass.Burstable },
        }, KubernetesJson.Wire.Pod);
        Assert.Equal(
            """{"spec":{"volumes":[{"nfs":{},"cephfs":{},"downwardAPI":{},"scaleIO":{}}],"containers":[{"ports":[{"containerPort":80,"hostIP":"127.0.0.1"}]}],"hostPID":true,"setHostnameAsFQDN":true},"status":{"podIP":"10.0.0.2","podIPs":[{"ip":"10.0.0.2"}],"qosClass":"Burstable"}}""",
            json);
    }

    [Theory(DisplayName = "A time is read with any fraction and zone, and written in UTC with seconds")]
    [InlineData("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z")]
    [InlineData("2026-01-31T10:30:00+01:00", "2026-01-31T09:30:00Z")]
    [InlineData("2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30:00Z")]
    public void Times(string text, string written)
    {
        Assert.True(Rfc3339.TryParse(text, out DateTimeOffset time));
        Assert.Equal(written, Rfc3339.Seconds(time));
    }

    [Theory(DisplayName = "What is not an RFC 3339 time is refused")]
    [InlineData("2026-01-31")]
    [InlineData("2026-01-31 09:30:00Z")]
    [InlineData("2026-13-31T09:30:00Z")]
    [InlineData("2026-01-31T09:30:00")]
    [InlineData("2026-01-31T09:30:00.Z")]
    [InlineData("")]
    public void NotTimes(string text) => Assert.False(Rfc3339.TryParse(text, out _));

    [Fact(DisplayName = "Events carry microseconds in eventTime and seconds elsewhere")]
    public void MicroTime()
    {
        var at = new DateTimeOffset(2026, 1, 31, 9, 30, 0, 123, TimeSpan.Zero);
        JsonNode json = JsonSerializer.SerializeToNode(new Event { EventTime = at, LastTimestamp = at }, KubernetesJson.Wire.Event)!;
        Assert.Equal("2026-01-31T09:30:00.123000Z", json["eventTime"]!.GetValue<string>());
        Assert.Equal("2026-01-31T09:30:00Z", json["lastTimestamp"]!.GetValue<string>());
    }

    [Fact(DisplayName = "A port keeps whether it was a number or a name")]
    public void IntOrStrings()
    {
        Probe probe = JsonSerializer.Deserialize("""{"httpGet":{"port":"http"},"tcpSocket":{"port":8080}}""", KubernetesJson.Default.Probe)!;
        Assert.Equal("http", probe.HttpGet!.Port!.Value.StringValue);
        Assert.Equal(8080, probe.TcpSocket!.Port!.Value.IntValue);
        Assert.Equal("""{"httpGet":{"port":"http"},"tcpSocket":{"port":8080}}""", JsonSerializer.Serialize(probe, KubernetesJson.Wire.Probe));
    }
}
