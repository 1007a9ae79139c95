using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

/// <summary>The truth as a container's process reads it.</summary>
public sealed class ContainerTests
{
    private const string DefaultMask = "00000000a80425fb";

    [Fact]
    public async Task Root_has_the_default_capabilities_a_filter_no_ignored_signals_and_its_groups()
    {
        await using TestPod pod = await TestPod.StartAsync();
        // Not through a shell, which has its own mind about signals.
        ContainerSpec spec = pod.Shell("");
        Dictionary<string, string> status = Status(await pod.OutputAsync(spec with { Process = spec.Process with { Argv = ["cat", "/proc/self/status"] } }));
        Assert.Equal(DefaultMask, status["CapBnd"]);
        Assert.Equal(DefaultMask, status["CapPrm"]);
        Assert.Equal(DefaultMask, status["CapEff"]);
        Assert.Equal("0000000000000000", status["CapInh"]);
        Assert.Equal("0000000000000000", status["CapAmb"]);
        Assert.Equal("0", status["NoNewPrivs"]);
        Assert.Equal("2", status["Seccomp"]);
        Assert.Equal("0000000000000000", status["SigIgn"]);
        Assert.Equal("0000000000000000", status["SigBlk"]);
        Assert.Equal("0 10", status["Groups"]);
        Assert.Equal("0022", status["Umask"]);
        Assert.Equal("0\t0\t0\t0", status["Uid"]);
    }

    [Fact]
    public async Task Another_user_has_no_capabilities_but_keeps_the_bounding_set()
    {
        await using TestPod pod = await TestPod.StartAsync();
        Dictionary<string, string> status = Status(await pod.OutputAsync(pod.Shell("cat /proc/self/status", new ProcessUser(1000, 1000, [1000, 2000]))));
        Assert.Equal(DefaultMask, status["CapBnd"]);
        Assert.Equal("0000000000000000", status["CapPrm"]);
        Assert.Equal("0000000000000000", status["CapEff"]);
        Assert.Equal("1000\t1000\t1000\t1000", status["Uid"]);
        Assert.Equal("1000\t1000\t1000\t1000", status["Gid"]);
        Assert.Equal("1000 2000", status["Groups"]);
        Assert.Equal("2", status["Seccomp"]);
    }

    [Fact]
    public async Task Without_privilege_escalation_no_new_privs_is_set_and_the_filter_stands_too()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("cat /proc/self/status", new ProcessUser(1000, 1000, [1000]));
        Dictionary<string, string> status = Status(await pod.OutputAsync(spec with { Process = spec.Process with { NoNewPrivileges = true, Capabilities = new CapabilitySets(0) } }));
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.Equal("2", status["Seccomp"]);
        Assert.Equal("0000000000000000", status["CapBnd"]);
    }

    [Fact]
    public async Task Privileged_has_everything_the_node_has_and_no_filter()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("cat /proc/self/status; touch /proc/sys/kernel/hostname && echo writable; mount -t tmpfs none /tmp && echo mounted; ls -d /dev/loop-control /dev/kmsg");
        string output = await pod.OutputAsync(spec with
        {
            Privileged = true,
            Devices = HostDevices.List(),
            Process = spec.Process with { Capabilities = new CapabilitySets(TestPod.Available), Seccomp = default },
        });
        Dictionary<string, string> status = Status(output);
        Assert.Equal(TestPod.Available.ToString("x16", CultureInfo.InvariantCulture), status["CapEff"]);
        Assert.Equal("0", status["Seccomp"]);
        Assert.Contains("writable\nmounted\n", output, StringComparison.Ordinal);
        Assert.Contains("/dev/kmsg", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_filter_refuses_mounts_namespaces_and_keyrings_and_mknod_is_a_default_right()
    {
        await using TestPod pod = await TestPod.StartAsync();
        string output = await pod.OutputAsync(pod.Shell(
            "mount -t tmpfs none /tmp 2>&1; unshare -m true 2>&1; mknod /tmp/n c 1 3 && echo made; chroot / true && echo chrooted; umount /proc 2>&1"));
        Assert.Matches("(?s)mount: .*(permission denied|Operation not permitted).*unshare: .*Operation not permitted.*made\nchrooted\numount: .*Operation not permitted", output);
    }

    [Fact]
    public async Task Net_ipc_and_uts_are_the_pods_and_mnt_pid_and_cgroup_its_own()
    {
        await using TestPod pod = await TestPod.StartAsync();
        const string script = "for n in net ipc uts mnt pid cgroup user; do echo $n $(readlink /proc/self/ns/$n); done; hostname; echo pid $$; ip link show lo | head -1";
        Dictionary<string, string> first = Words(await pod.OutputAsync(pod.Shell(script)));
        Dictionary<string, string> second = Words(await pod.OutputAsync(pod.Shell(script)));
        foreach (string shared in (string[])["net", "ipc", "uts"])
        {
            Assert.Equal(first[shared], second[shared]);
            Assert.NotEqual(Own(shared), first[shared]);
        }
        foreach (string own in (string[])["mnt", "pid", "cgroup"])
        {
            Assert.NotEqual(Own(own), first[own]);
        }
        Assert.Equal(Own("user"), first["user"]);
        string output = await pod.OutputAsync(pod.Shell(script));
        Assert.Contains("\nweb\npid 1\n", output, StringComparison.Ordinal);
        Assert.Contains("LOOPBACK,UP", output, StringComparison.Ordinal);

        static string Own(string name) => new FileInfo("/proc/self/ns/" + name).LinkTarget!;
    }

    [Fact]
    public async Task The_hosts_network_ipc_and_processes_are_there_when_asked_for()
    {
        await using TestPod pod = await TestPod.StartAsync(new SandboxSpec { HostNetwork = true, HostIpc = true });
        ContainerSpec spec = pod.Shell("for n in net ipc uts pid; do readlink /proc/self/ns/$n; done; ls -d /proc/" + Environment.ProcessId) with { PidNamespace = PidNamespaceMode.Host };
        string expected = string.Join('\n', ((string[])["net", "ipc", "uts", "pid"]).Select(name => new FileInfo("/proc/self/ns/" + name).LinkTarget));
        Assert.Equal($"{expected}\n/proc/{Environment.ProcessId}", await pod.OutputAsync(spec));
    }

    [Fact]
    public async Task Nothing_is_open_but_the_streams_and_stdin_is_the_containers_own_null()
    {
        await using TestPod pod = await TestPod.StartAsync();
        // 3 is ls's own, of the directory that it reads.
        Assert.Equal("/dev/null\n0\n1\n2\n3", await pod.OutputAsync(pod.Shell("readlink /proc/self/fd/0; exec ls /proc/self/fd")));
    }

    [Fact]
    public async Task The_environment_is_exactly_what_was_given()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("");
        spec = spec with { Process = spec.Process with { Argv = ["env"], Env = ["PATH=/nowhere:/bin", "A=b c", "EMPTY="] } };
        Assert.Equal("PATH=/nowhere:/bin\nA=b c\nEMPTY=", await pod.OutputAsync(spec));
    }

    [Fact]
    public async Task Dev_has_the_default_nodes_and_links_and_no_more()
    {
        await using TestPod pod = await TestPod.StartAsync();
        string output = await pod.OutputAsync(pod.Shell("ls /dev | tr '\\n' ' '; echo; stat -c '%n %A %t:%T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty; for l in ptmx fd stdin; do readlink /dev/$l; done; head -c 3 /dev/zero | od -An -tx1; echo x > /dev/null && echo ok; stat -c '%a' /dev/shm"));
        Assert.Equal(
            """
            core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero 
            /dev/null crw-rw-rw- 1:3
            /dev/zero crw-rw-rw- 1:5
            /dev/full crw-rw-rw- 1:7
            /dev/random crw-rw-rw- 1:8
            /dev/urandom crw-rw-rw- 1:9
            /dev/tty crw-rw-rw- 5:0
            pts/ptmx
            /proc/self/fd
            /proc/self/fd/0
             00 00 00
            ok
            1777
            """,
            output);
    }

    [Fact]
    public async Task The_mounts_are_those_of_a_container_and_nothing_of_the_host()
    {
        await using TestPod pod = await TestPod.StartAsync();
        IReadOnlyList<MountInfoEntry> mounts = MountInfo.Parse((await pod.OutputAsync(pod.Shell("cat /proc/self/mountinfo"))).Split('\n'));
        (string Type, string Options) At(string path)
        {
            MountInfoEntry entry = mounts.Last(mount => mount.MountPoint == path);
            return (entry.FileSystem, entry.Options);
        }
        Assert.Equal("/", mounts[0].MountPoint);
        Assert.Single(mounts, mount => mount.MountPoint == "/");
        Assert.Equal(("overlay", "rw,relatime"), At("/"));
        Assert.Equal(("proc", "rw,nosuid,nodev,noexec,relatime"), At("/proc"));
        Assert.Equal(("sysfs", "ro,nosuid,nodev,noexec,relatime"), At("/sys"));
        Assert.Equal(("cgroup2", "ro,nosuid,nodev,noexec,relatime"), At("/sys/fs/cgroup"));
        Assert.Equal(("tmpfs", "rw,nosuid"), At("/dev"));
        Assert.Equal(("devpts", "rw,nosuid,noexec,relatime"), At("/dev/pts"));
        Assert.Equal(("mqueue", "rw,nosuid,nodev,noexec,relatime"), At("/dev/mqueue"));
        Assert.Equal(("tmpfs", "rw,nosuid,nodev,noexec,relatime"), At("/dev/shm"));
        Assert.Equal(("proc", "ro,nosuid,nodev,noexec,relatime"), At("/proc/sys"));
        Assert.DoesNotContain(mounts, mount => mount.FileSystem is "ext4" or "xfs" or "btrfs" || mount.Propagation.Contains("shared", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Parts_of_proc_and_sys_are_hidden_or_read_only()
    {
        await using TestPod pod = await TestPod.StartAsync();
        string output = await pod.OutputAsync(pod.Shell(
            """
            for f in kcore keys timer_list sched_debug interrupts latency_stats; do [ -e /proc/$f ] && echo $f $(wc -c < /proc/$f); done
            ls /sys/firmware | wc -l
            for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity /sys/kernel/uevent_helper; do [ -e $f ] && { echo x > $f; } 2>&1; done
            mkdir /sys/fs/cgroup/x 2>&1
            """));
        Assert.DoesNotMatch(@"(?m)^(kcore|keys|timer_list|sched_debug|interrupts|latency_stats) [1-9]", output);
        Assert.Contains("keys 0", output, StringComparison.Ordinal);
        Assert.Contains("\n0\n", output, StringComparison.Ordinal);
        if (File.Exists("/proc/sysrq-trigger")) Assert.Contains("can't create /proc/sysrq-trigger: Read-only file system", output, StringComparison.Ordinal);
        Assert.Contains("can't create /proc/irq/default_smp_affinity: Read-only file system", output, StringComparison.Ordinal);
        Assert.Contains("can't create /proc/sys/kernel/core_pattern: Read-only file system", output, StringComparison.Ordinal);
        Assert.Contains("can't create directory '/sys/fs/cgroup/x': Read-only file system", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_only_root_takes_no_writes_and_volumes_still_do()
    {
        await using TestPod pod = await TestPod.StartAsync();
        string data = Directory.CreateDirectory(pod.Scratch + "/data").FullName;
        using SafeFileHandle tree = BindMounter.Open(data, new BindOptions());
        ContainerSpec spec = pod.Shell("touch /new 2>&1; touch /data/new /dev/shm/new && echo ok") with { ReadOnlyRootFilesystem = true, Mounts = [new BundleMount("/data", true, "data")] };
        Assert.Equal("touch: /new: Read-only file system\nok", await pod.OutputAsync(spec, [tree]));
        Assert.True(File.Exists(data + "/new"));
    }

    [Fact]
    public async Task Volumes_and_files_are_attached_with_the_flags_they_came_with()
    {
        await using TestPod pod = await TestPod.StartAsync();
        string data = Directory.CreateDirectory(pod.Scratch + "/data/inner").Parent!.FullName;
        string hosts = pod.Scratch + "/hosts";
        File.WriteAllText(hosts, "127.0.0.1 localhost\n");
        string log = pod.Scratch + "/termination";
        File.WriteAllText(log, "");
        using SafeFileHandle outer = BindMounter.Open(data, new BindOptions { ReadOnly = true, NoExec = true });
        using SafeFileHandle inner = BindMounter.Open(data, new BindOptions());
        using SafeFileHandle file = BindMounter.Open(hosts, new BindOptions { ReadOnly = true });
        using SafeFileHandle termination = BindMounter.Open(log, new BindOptions());
        ContainerSpec spec = pod.Shell("cat /etc/hosts; touch /vol/x 2>&1; touch /vol/inner/y && echo ok; echo x >> /etc/hosts; echo bye > /dev/termination-log") with
        {
            Mounts =
            [
                new("/vol", true, "outer"), new("/etc/hosts", false, "hosts"), new("/dev/termination-log", false, "log"), new("/vol/inner", true, "inner"),
            ],
        };
        Assert.Equal(
            "127.0.0.1 localhost\ntouch: /vol/x: Read-only file system\nok\nsh: can't create /etc/hosts: Read-only file system",
            await pod.OutputAsync(spec, [outer, file, termination, inner]));
        Assert.True(File.Exists(data + "/y"));
        Assert.Equal("bye\n", File.ReadAllText(log));
    }

    [Fact]
    public async Task A_mount_point_that_became_a_link_is_refused()
    {
        await using TestPod pod = await TestPod.StartAsync();
        File.CreateSymbolicLink(pod.Busybox + "/trap", "/etc");
        using SafeFileHandle tree = BindMounter.Open(pod.Empty, new BindOptions());
        TestPod.Run run = await pod.RunAsync(pod.Shell("true") with { Mounts = [new BundleMount("/trap", true, "volume")] }, [tree]);
        Assert.StartsWith("open mount point /trap: ELOOP", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_working_directory_of_magic_links_does_not_lead_out()
    {
        await using TestPod pod = await TestPod.StartAsync();
        File.CreateSymbolicLink(pod.Busybox + "/way", "/proc/self/fd/4");
        foreach (string directory in (string[])["/proc/self/fd/4", "/way", "/proc/1/root", "/proc/self/cwd"])
        {
            ContainerSpec spec = pod.Shell("pwd; ls");
            TestPod.Run run = await pod.RunAsync(spec with { Process = spec.Process with { WorkingDirectory = directory } });
            Assert.StartsWith($"open working directory {directory}: ELOOP", run.Failure, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/home/web", "/home/web")]
    [InlineData("/", "/")]
    public async Task It_starts_in_its_working_directory(string directory, string expected)
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("pwd");
        Assert.Equal(expected, await pod.OutputAsync(spec with { Process = spec.Process with { WorkingDirectory = directory } }));
    }

    [Theory]
    [InlineData("nosuch", "exec: \"nosuch\": executable file not found in $PATH")]
    [InlineData("/bin/nosuch", "exec: \"/bin/nosuch\": no such file or directory")]
    [InlineData("/etc/passwd", "exec: \"/etc/passwd\": permission denied")]
    [InlineData("/garbage", "exec: \"/garbage\": exec format error")]
    public async Task A_command_that_cannot_be_run_says_why(string command, string expected)
    {
        await using TestPod pod = await TestPod.StartAsync();
        File.WriteAllText(pod.Busybox + "/garbage", "no program\n");
        File.SetUnixFileMode(pod.Busybox + "/garbage", (UnixFileMode)0x1ed);
        ContainerSpec spec = pod.Shell("");
        TestPod.Run run = await pod.RunAsync(spec with { Process = spec.Process with { Argv = [command] } });
        Assert.StartsWith(expected, run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_and_the_oom_score_are_set()
    {
        await using TestPod pod = await TestPod.StartAsync();
        Assert.Equal("1024\n1024\n500", await pod.OutputAsync(pod.Shell("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj")));
    }

    [Fact]
    public async Task A_limit_or_score_that_the_node_cannot_give_is_told_and_does_not_stop_the_container()
    {
        Assert.SkipWhen((TestPod.Available >> Capabilities.CAP_SYS_RESOURCE & 1) != 0, "this node can give everything: it has CAP_SYS_RESOURCE");
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("echo ok") with { OomScoreAdj = -999 };
        TestPod.Run run = await pod.RunAsync(spec with { Process = spec.Process with { Rlimits = [Rlimit.OpenFiles(1UL << 40)] } });
        Assert.Equal("ok\n", run.Output);
        Assert.Equal(
            ["set oom_score_adj -999: EACCES", "limit RLIMIT_NOFILE to 1099511627776: EPERM"],
            run.Outcome.Tolerated.Select(error => run.Program.Describe(error.OpIndex, error.Errno)));
    }

    [Fact]
    public async Task Another_user_can_open_its_output_by_name()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("echo hello > /dev/stdout; echo oops > /dev/stderr", new ProcessUser(1000, 1000, [1000]));
        TestPod.Run run = await pod.FinishAsync(await pod.StartAsync(spec, stdio: ShimStdio.LogPipes));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("stdout F hello", run.Output, StringComparison.Ordinal);
        Assert.Contains("stderr F oops", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_input_is_read_only_by_a_container_that_asks_for_one()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("cat; echo end");
        TestPod.Run reading = await pod.FinishAsync(await pod.StartAsync(spec with { Process = spec.Process with { Stdin = true } }, stdin: "hello\n"));
        Assert.Equal("hello\nend\n", reading.Output);
        TestPod.Run deaf = await pod.FinishAsync(await pod.StartAsync(spec, stdin: "hello\n"));
        Assert.Equal("end\n", deaf.Output);
    }

    [Fact]
    public async Task A_terminal_is_the_containers_own_and_its_console()
    {
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell("tty; test -t 0 && test -t 1 && test -t 2 && echo all; readlink /proc/self/fd/0; echo hi > /dev/console; echo there > /dev/tty");
        TestPod.Run run = await pod.FinishAsync(await pod.StartAsync(spec with { Process = spec.Process with { Tty = true } }, stdio: ShimStdio.Terminal));
        Assert.Equal("", run.Failure);
        string[] lines = [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[(line.IndexOf(" F ", StringComparison.Ordinal) + 3)..].TrimEnd('\r'))];
        Assert.Equal(["/dev/pts/0", "all", "/dev/pts/0", "hi", "there"], lines);
    }

    [Fact]
    public async Task Nothing_stays_mounted_on_the_host()
    {
        int before = MountInfo.Read().Count;
        await using (TestPod pod = await TestPod.StartAsync())
        {
            await pod.OutputAsync(pod.Shell("true"));
            Assert.Equal(before, MountInfo.Read().Count);
        }
        Assert.Equal(before, MountInfo.Read().Count);
    }

    private static Dictionary<string, string> Status(string text) =>
        text.Split('\n').Where(line => line.Contains(':')).Select(line => line.Split(':', 2)).GroupBy(pair => pair[0]).ToDictionary(pair => pair.Key, pair => pair.First()[1].Trim());

    private static Dictionary<string, string> Words(string text) =>
        text.Split('\n').Select(line => line.Split(' ', 2)).Where(pair => pair.Length == 2).GroupBy(pair => pair[0]).ToDictionary(pair => pair.Key, pair => pair.First()[1]);
}
