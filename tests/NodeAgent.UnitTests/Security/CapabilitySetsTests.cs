using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Security;
using Xunit;
using Linux = NodeAgent.Linux;

namespace NodeAgent.UnitTests.Security;

public sealed class CapabilitySetsTests
{
    private const string Defaults =
        "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SYS_CHROOT "
        + "CAP_MKNOD CAP_AUDIT_WRITE CAP_SETFCAP";

    private const ulong Node = Linux.Capabilities.All & ~(1UL << Linux.Capabilities.CAP_SYS_RESOURCE);

    [Fact]
    public void Nothing_asked_gives_the_fourteen_defaults() => Assert.Equal(Defaults, Resolve([], []));

    [Theory]
    [InlineData("NET_ADMIN")]
    [InlineData("CAP_NET_ADMIN")]
    [InlineData("net_admin")]
    public void A_name_may_have_its_prefix_and_any_case(string name) => Assert.Equal("CAP_NET_ADMIN", Resolve([name], ["ALL"]));

    [Fact]
    public void Dropping_all_leaves_what_is_added_by_name() => Assert.Equal("CAP_NET_BIND_SERVICE", Resolve(["NET_BIND_SERVICE"], ["ALL"]));

    [Fact]
    public void Dropping_all_wins_over_adding_all() => Assert.Equal("none", Resolve(["ALL"], ["ALL"]));

    [Fact]
    public void A_single_drop_wins_over_the_same_addition() => Assert.Equal(Defaults.Replace(" CAP_KILL", ""), Resolve(["KILL"], ["KILL"]));

    [Fact]
    public void All_means_what_the_node_has()
    {
        CapabilitySets sets = CapabilitySets.Resolve(new Capabilities { Add = ["ALL"], Drop = ["SYS_ADMIN"] }, privileged: false, Node);
        Assert.Equal(Node & ~(1UL << Linux.Capabilities.CAP_SYS_ADMIN), sets.Bounding);
    }

    [Fact]
    public void Privileged_has_what_the_node_has_whatever_is_dropped() =>
        Assert.Equal(Node, CapabilitySets.Resolve(new Capabilities { Drop = ["ALL"] }, privileged: true, Node).Bounding);

    [Fact]
    public void Root_keeps_the_set_and_nothing_is_inherited_or_ambient()
    {
        CapabilitySets sets = new(CapabilitySets.Default);
        Assert.Equal(CapabilitySets.Default, sets.Effective);
        Assert.Equal(CapabilitySets.Default, sets.Permitted);
        Assert.Equal(0UL, sets.Inheritable | sets.Ambient);
    }

    [Fact]
    public void An_unknown_name_is_a_mistake_in_the_manifest_and_named()
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => Resolve(["NET_ADMINN"], []));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        Assert.StartsWith("securityContext.capabilities.add: NET_ADMINN is no capability", e.Message, StringComparison.Ordinal);
        Assert.Contains("capabilities.drop: FOO", Assert.Throws<PodRuntimeException>(() => Resolve([], ["FOO"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_node_lacks_is_refused_by_name_when_asked_for() =>
        Assert.Equal(
            "securityContext.capabilities.add: CAP_SYS_RESOURCE is not available on this node",
            Assert.Throws<PodRuntimeException>(() => Resolve(["SYS_RESOURCE"], [])).Message);

    private static string Resolve(string[] add, string[] drop) =>
        CapabilitySets.Resolve(new Capabilities { Add = add, Drop = drop }, privileged: false, Node).ToString();
}
