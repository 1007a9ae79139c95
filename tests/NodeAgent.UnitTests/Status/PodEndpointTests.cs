using NodeAgent.Core.Model;
using NodeAgent.Core.Status;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class PodEndpointTests
{
    private static readonly Dictionary<string, string> Web = new() { ["app"] = "web" };

    [Theory]
    [InlineData("a ready pod is sent work", "Running", "True", false, "10.0.0.1 serving ready")]
    [InlineData("one that is not ready is not", "Running", "False", false, "10.0.0.1")]
    [InlineData("one that is being ended still serves and gets nothing new", "Running", "True", true, "10.0.0.1 serving terminating")]
    [InlineData("one that is being ended and does not serve", "Running", "False", true, "10.0.0.1 terminating")]
    [InlineData("a pod that is over has gone", "Succeeded", "False", false, "")]
    [InlineData("so has one that failed", "Failed", "False", false, "")]
    [InlineData("one that has just got its address is there and not ready", "Pending", "False", false, "10.0.0.1")]
    public void Readiness_and_deletion_decide_what_an_address_is_good_for(string why, string phase, string ready, bool terminating, string expected) =>
        Assert.Equal((why, expected), (why, Text([PodOf("a", phase, ready, terminating, Web, "10.0.0.1")], Web)));

    [Fact]
    public void Every_label_has_to_match_and_an_empty_selector_finds_nothing()
    {
        Pod[] pods =
        [
            PodOf("a", "Running", "True", false, new() { ["app"] = "web", ["tier"] = "front" }, "10.0.0.1"),
            PodOf("b", "Running", "True", false, Web, "10.0.0.2", "fd00::2"),
            PodOf("c", "Running", "True", false, new() { ["app"] = "other" }, "10.0.0.3"),
            PodOf("d", "Running", "True", false, null, "10.0.0.4"),
            PodOf("e", "Running", "True", false, Web),
        ];
        Assert.Equal("10.0.0.1 serving ready, 10.0.0.2 serving ready, fd00::2 serving ready", Text(pods, Web));
        Assert.Equal("10.0.0.1 serving ready", Text(pods, new() { ["app"] = "web", ["tier"] = "front" }));
        Assert.Equal("", Text(pods, []));
        Assert.Empty(PodEndpoints.Select(pods, "elsewhere", Web));
    }

    private static string Text(Pod[] pods, Dictionary<string, string> selector) => string.Join(", ", PodEndpoints.Select(pods, "default", selector).Select(found =>
        found.Address + (found.Serving ? " serving" : "") + (found.Terminating ? " terminating" : "") + (found.Ready ? " ready" : "")));

    private static Pod PodOf(string name, string phase, string ready, bool terminating, Dictionary<string, string>? labels, params string[] addresses) => new()
    {
        Metadata = new ObjectMeta { Name = name, Namespace = "default", Labels = labels, DeletionTimestamp = terminating ? DateTimeOffset.UnixEpoch : null },
        Status = new PodStatus
        {
            Phase = phase,
            Conditions = [new PodCondition { Type = "Ready", Status = ready }],
            PodIPs = [.. addresses.Select(address => new PodIP { Ip = address })],
        },
    };
}
