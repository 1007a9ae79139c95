using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.UnitTests.Bundle;

public sealed class SandboxProgramTests
{
    [Fact]
    public void A_pod_has_net_ipc_and_uts_namespaces_its_name_and_loopback()
    {
        SyscallProgram program = SandboxProgram.Build(new SandboxSpec { Hostname = "web", JoinsCgroup = true });
        ContainerProgramTests.AssertInOrder(program, "join the pod's cgroup", "set oom_score_adj -998", "new namespaces", "set host name web", "lo up");
        Assert.Contains("unshare(0x4c000000)  # new namespaces", program.OpTexts);
        Assert.Equal(1, program.FdCount);
    }

    [Fact]
    public void The_hosts_network_comes_with_the_hosts_name_and_loopback_untouched()
    {
        SyscallProgram program = SandboxProgram.Build(new SandboxSpec { HostNetwork = true, Hostname = "web" });
        Assert.Contains("unshare(0x8000000)  # new namespaces", program.OpTexts);
        Assert.DoesNotContain("set host name web", program.OpNames);
        Assert.DoesNotContain("lo up", program.OpNames);
    }

    [Fact]
    public void All_of_the_hosts_unshares_nothing() =>
        Assert.Empty(SandboxProgram.Build(new SandboxSpec { HostNetwork = true, HostIpc = true, OomScoreAdj = null }).OpNames);

    [Fact]
    public void Lowering_the_oom_score_is_tried_and_its_refusal_told() =>
        Assert.Contains(SandboxProgram.Build(new SandboxSpec()).OpTexts, text => text.EndsWith("tolerates EACCES, EPERM (reported)  # set oom_score_adj -998", StringComparison.Ordinal));

    [Theory]
    [InlineData("net.ipv4.ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_unprivileged_port_start")]
    [InlineData("net/ipv4/conf/eth0.1/forwarding", "/proc/sys/net/ipv4/conf/eth0.1/forwarding")]
    public void Settings_are_written_in_the_new_namespaces(string name, string path)
    {
        SyscallProgram program = SandboxProgram.Build(new SandboxSpec { Sysctls = [(name, "1")] });
        ContainerProgramTests.AssertInOrder(program, "new namespaces", $"open {path}", $"set {name} to 1");
    }

    [Fact]
    public void The_init_of_a_shared_pid_namespace_has_no_root_and_no_rights()
    {
        SyscallProgram program = PauseProgram.Build("/run/empty");
        ContainerProgramTests.AssertInOrder(
            program, "mount tmpfs on /run/empty", "pivot_root", "let go of the host's root", "drop CAP_SYS_ADMIN for good", "set no groups", "set user 65535",
            "set capabilities", "set no_new_privs", "park as init");
    }
}
