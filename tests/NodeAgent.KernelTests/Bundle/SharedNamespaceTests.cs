using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

/// <summary>Commands in running containers, and pods whose containers see each other's processes.</summary>
public sealed class SharedNamespaceTests
{
    [Fact]
    public async Task A_command_finds_the_same_namespaces_root_rights_and_user()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("touch /mark; exec sleep 100", new ProcessUser(0, 0, [0, 10]));
        TestPod.Run container = await pod.StartAsync(spec);
        Assert.Equal("", container.Failure);
        const string report =
            "for n in net ipc uts mnt pid cgroup; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done | uniq | wc -l; "
            + "grep -E '^(Cap|Seccomp:|NoNew|Groups|SigIgn|Umask)' /proc/self/status; ls /mark; pwd; ls /proc/self/fd | wc -l; cat /proc/1/cmdline | tr '\\0' ' '";
        TestPod.Run exec = await pod.ExecAsync(container.Slot, spec.Process with { Argv = ["sh", "-c", report], WorkingDirectory = "/home/web" });
        Assert.Equal("", exec.Failure);
        Assert.Equal(0, exec.ExitCode);
        Assert.StartsWith("6\n", exec.Output, StringComparison.Ordinal);
        Assert.Contains("CapEff:\t00000000a80425fb", exec.Output, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2", exec.Output, StringComparison.Ordinal);
        Assert.Contains("Groups:\t0 10", exec.Output, StringComparison.Ordinal);
        Assert.EndsWith("/mark\n/home/web\n4\nsleep 100 ", exec.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_can_have_a_terminal_of_the_containers()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("exec sleep 100");
        TestPod.Run container = await pod.StartAsync(spec);
        TestPod.Run exec = await pod.ExecAsync(container.Slot, spec.Process with { Argv = ["tty"], Tty = true }, ShimStdio.Terminal);
        Assert.Equal("", exec.Failure);
        Assert.Contains(" F /dev/pts/0", exec.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_is_not_there_says_so_and_the_container_lives()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("exec sleep 100");
        TestPod.Run container = await pod.StartAsync(spec);
        TestPod.Run exec = await pod.ExecAsync(container.Slot, spec.Process with { Argv = ["nosuch"] });
        Assert.StartsWith("exec: \"nosuch\": executable file not found in $PATH", exec.Failure, StringComparison.Ordinal);
        Assert.True(await pod.Shim.KillAsync(container.Slot, 9));
        Assert.Equal(137, (await pod.FinishAsync(container)).ExitCode);
    }

    [Fact]
    public async Task Containers_of_a_shared_pid_namespace_see_each_other_below_a_first_process_without_rights_or_root()
    {
        await using TestPod pod = await TestPod.StartAsync();
        SyscallProgram pause = PauseProgram.Build(pod.Empty);
        TestPod.Run first = await pod.StartProgramAsync(pause, [], PauseProgram.CloneFlags, ShimStdio.Null, null, "pause");
        Assert.Equal("", first.Failure);
        using SafeFileHandle pidNamespace = File.OpenHandle($"/proc/{first.Outcome.Pid}/ns/pid");
        ContainerSpec spec = pod.Shell("exec sleep 100") with { PidNamespace = PidNamespaceMode.Pod };
        Assert.Equal("", (await pod.StartAsync(spec, pidNamespace: pidNamespace)).Failure);

        string output = await pod.OutputAsync(
            pod.Shell("ps -o pid,args | grep -c '[s]leep 100'; cat /proc/1/comm; ls /proc/1/root/ 2>&1; grep -E '^(Uid|CapPrm|CapBnd|NoNewPrivs)' /proc/1/status")
                with
            { PidNamespace = PidNamespaceMode.Pod },
            pidNamespace: pidNamespace);
        string[] lines = output.Split('\n');
        Assert.Equal("1", lines[0]);
        Assert.Equal("pause", lines[1]);
        Assert.Equal("ls: /proc/1/root/: Permission denied", lines[2]);
        Assert.Contains("Uid:\t65535\t65535\t65535\t65535", output, StringComparison.Ordinal);
        Assert.Contains("CapPrm:\t0000000000000000", output, StringComparison.Ordinal);
        Assert.Contains("CapBnd:\t0000000000000000", output, StringComparison.Ordinal);
        Assert.Contains("NoNewPrivs:\t1", output, StringComparison.Ordinal);

        string hostView = string.Join(' ', Directory.EnumerateFileSystemEntries($"/proc/{first.Outcome.Pid}/root/"));
        Assert.Equal("", hostView);
    }

    [Fact]
    public async Task Settings_of_the_pods_namespaces_are_its_own()
    {
        string host = File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim();
        await using TestPod pod = await TestPod.StartAsync(new SandboxSpec { Hostname = "web", Sysctls = [("net.ipv4.ip_unprivileged_port_start", "77")] });
        Assert.Equal("77", await pod.OutputAsync(pod.Shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")));
        Assert.Equal(host, File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim());
    }
}
