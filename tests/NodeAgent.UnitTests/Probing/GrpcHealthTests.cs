using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;
using Xunit;

namespace NodeAgent.UnitTests.Probing;

public sealed class GrpcHealthTests
{
    [Fact]
    public void The_request_names_its_service()
    {
        Assert.Equal([0, 0, 0, 0, 0], GrpcHealth.Request(""));
        Assert.Equal([0, 0, 0, 0, 5, 0x0a, 3, (byte)'a', (byte)'b', (byte)'c'], GrpcHealth.Request("abc"));
        byte[] longest = GrpcHealth.Request(new string('x', 300));
        Assert.Equal([0, 0, 0, 1, 47, 0x0a, 0xac, 2], longest[..8]);
        Assert.Equal(5 + 3 + 300, longest.Length);
    }

    [Theory]
    [InlineData("UNKNOWN", new byte[] { 0, 0, 0, 0, 0 })]
    [InlineData("SERVING", new byte[] { 0, 0, 0, 0, 2, 8, 1 })]
    [InlineData("NOT_SERVING", new byte[] { 0, 0, 0, 0, 2, 8, 2 })]
    [InlineData("SERVICE_UNKNOWN", new byte[] { 0, 0, 0, 0, 2, 8, 3 })]
    [InlineData("9", new byte[] { 0, 0, 0, 0, 2, 8, 9 })]
    [InlineData("SERVING", new byte[] { 0, 0, 0, 0, 6, 0x12, 2, 1, 1, 8, 1 })]
    [InlineData("SERVING", new byte[] { 0, 0, 0, 0, 7, 0x1d, 0, 0, 0, 0, 8, 1 })]
    public void The_status_is_read_among_fields_that_nobody_knows(string status, byte[] body) => Assert.Equal(status, GrpcHealth.Status(body));

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 3, 8, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 8 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0x12, 9 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0x0b, 9 })]
    public void What_is_no_answer_is_refused(byte[] body) => Assert.Throws<InvalidDataException>(() => GrpcHealth.Status(body));

    [Fact]
    public void A_port_is_a_number_a_number_as_text_or_a_name_of_the_containers_own()
    {
        Container container = new() { Name = "c", Ports = [new ContainerPort { Name = "web", Port = 8080 }, new ContainerPort { Port = 9 }] };
        Assert.Equal(80, ProbePort.Find(IntOrString.FromInt(80), container));
        Assert.Equal(81, ProbePort.Find(IntOrString.FromString("81"), container));
        Assert.Equal(8080, ProbePort.Find(IntOrString.FromString("web"), container));
        Assert.Null(ProbePort.Find(IntOrString.FromString("other"), container));
        Assert.Null(ProbePort.Find(IntOrString.FromInt(0), container));
        Assert.Null(ProbePort.Find(IntOrString.FromInt(65536), container));
        Assert.Null(ProbePort.Find(null, container));
    }
}
