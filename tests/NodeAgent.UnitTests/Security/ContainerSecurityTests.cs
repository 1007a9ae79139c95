using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using Xunit;
using Linux = NodeAgent.Linux;

namespace NodeAgent.UnitTests.Security;

public sealed class ContainerSecurityTests
{
    [Fact]
    public void Nothing_said_means_default_capabilities_the_default_filter_and_hidden_paths()
    {
        ContainerSecurity security = Resolve(null, null);
        Assert.Equal(CapabilitySets.Default, security.Capabilities.Bounding);
        Assert.False(security.Seccomp.IsEmpty);
        Assert.False(security.NoNewPrivileges);
        Assert.False(security.ReadOnlyRootFilesystem);
        Assert.Equal(["/proc/masked"], security.MaskedPaths);
        Assert.Equal(DefaultPaths.ReadOnly, security.ReadOnlyPaths);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Only_a_clear_no_to_escalation_sets_no_new_privs(bool? allow, bool expected) =>
        Assert.Equal(expected, Resolve(new SecurityContext { AllowPrivilegeEscalation = allow }, null).NoNewPrivileges);

    [Fact]
    public void Privileged_is_unconfined_and_sees_everything()
    {
        ContainerSecurity security = Resolve(new SecurityContext { Privileged = true, SeccompProfile = new SeccompProfile { Type = "RuntimeDefault" } }, null);
        Assert.True(security.Privileged);
        Assert.Equal(Linux.Capabilities.All, security.Capabilities.Bounding);
        Assert.True(security.Seccomp.IsEmpty);
        Assert.Empty(security.MaskedPaths);
        Assert.Empty(security.ReadOnlyPaths);
    }

    [Fact]
    public void An_unmasked_proc_is_the_only_thing_that_procMount_changes()
    {
        ContainerSecurity security = Resolve(new SecurityContext { ProcMount = "Unmasked" }, null);
        Assert.Empty(security.MaskedPaths);
        Assert.False(security.Privileged);
        Assert.False(security.Seccomp.IsEmpty);
    }

    [Theory]
    [InlineData(null, "Unconfined", true)]
    [InlineData("RuntimeDefault", "Unconfined", false)]
    [InlineData("Unconfined", null, true)]
    [InlineData("Unconfined", "RuntimeDefault", true)]
    public void The_containers_filter_wins_over_the_pods(string? container, string? pod, bool unconfined) =>
        Assert.Equal(
            unconfined,
            Resolve(
                new SecurityContext { SeccompProfile = container is null ? null : new SeccompProfile { Type = container } },
                new PodSecurityContext { SeccompProfile = pod is null ? null : new SeccompProfile { Type = pod } }).Seccomp.IsEmpty);

    [Fact]
    public void A_filter_is_compiled_once_for_each_set_of_capabilities()
    {
        SecurityContext added = new() { Capabilities = new Capabilities { Add = ["SYS_TIME"] } };
        Assert.Equal(Resolve(added, null).Seccomp, Resolve(added, null).Seccomp);
        Assert.NotEqual(Resolve(null, null).Seccomp, Resolve(added, null).Seccomp);
    }

    [Fact]
    public void What_this_node_cannot_do_is_refused_by_name()
    {
        Assert.StartsWith("seccompProfile: type Localhost", Refused(new SecurityContext { SeccompProfile = new SeccompProfile { Type = "Localhost" } }), StringComparison.Ordinal);
        Assert.StartsWith("appArmorProfile: type Localhost", Refused(new SecurityContext { AppArmorProfile = new AppArmorProfile { Type = "Localhost" } }), StringComparison.Ordinal);
        Assert.StartsWith("seLinuxOptions", Refused(new SecurityContext { SeLinuxOptions = new SeLinuxOptions { Level = "s0" } }), StringComparison.Ordinal);
    }

    private static string Refused(SecurityContext context)
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => Resolve(context, null));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        return e.Message;
    }

    private static ContainerSecurity Resolve(SecurityContext? container, PodSecurityContext? pod) => ContainerSecurity.Resolve(
        new Pod { Spec = new PodSpec { SecurityContext = pod } }, new Container { SecurityContext = container }, Linux.Capabilities.All, ["/proc/masked"]);
}
