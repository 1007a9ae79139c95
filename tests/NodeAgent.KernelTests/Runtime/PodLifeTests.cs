using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>Pods from sandbox to removal, as seen from inside and from the runtime's state.</summary>
public sealed class PodLifeTests
{
    [Fact]
    public async Task A_container_runs_logs_and_ends_with_its_code()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (string output, ContainerRun run) = await node.RunToEndAsync("echo hello; echo oops >&2; exit 3");
        Assert.Equal("hello", output);
        Assert.Equal("oops", TestNode.Log(run, "stderr"));
        Assert.Equal((ContainerRunState.Exited, 3, "Error"), (run.State, run.ExitCode, run.Reason));
        Assert.EndsWith("/main/0.log", run.LogPath, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Containers_of_a_pod_share_network_ipc_and_name_but_not_processes_mounts_or_cgroup()
    {
        await using TestNode node = await TestNode.OpenAsync();
        const string script = "for n in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done; echo $$$$; grep ^0: /proc/self/cgroup; hostname; exec sleep 1000";
        Pod pod = node.PodOf("web", TestNode.Shell(script, "a"), TestNode.Shell(script, "b"));
        await node.RunSandboxAsync(pod);
        string[][] told = [[], []];
        foreach ((int i, string name) in new[] { (0, "a"), (1, "b") })
        {
            ContainerRun run = await node.RunOfAsync(pod, await node.StartAsync(pod, name));
            await TestNode.UntilAsync(() => (told[i] = TestNode.Log(run).Split('\n')).Length == 9);
        }
        Assert.Equal(told[0][..3], told[1][..3]);
        for (int i = 3; i < 6; i++) Assert.NotEqual(told[0][i], told[1][i]);
        Assert.Equal(["1", "0::/", "web"], told[0][6..]);
        Assert.NotEqual(File.ResolveLinkTarget("/proc/self/ns/net", false)!.Name, told[0][0]);
    }

    [Fact]
    public async Task Two_containers_talk_over_localhost_and_through_an_empty_dir_and_shared_memory()
    {
        await using TestNode node = await TestNode.OpenAsync();
        VolumeMount shared = new() { Name = "shared", MountPath = "/shared" };
        Container server = TestNode.Shell("echo file > /shared/f; echo memory > /dev/shm/m; nc -l -p 8080 -e echo served & wait", "server") with { VolumeMounts = [shared] };
        Container client = TestNode.Shell(
            "until [ -s /dev/shm/m ] && nc 127.0.0.1 8080 </dev/null >/tmp/o 2>/dev/null && [ -s /tmp/o ]; do sleep 0.05; done; cat /tmp/o /shared/f /dev/shm/m",
            "client") with
        { VolumeMounts = [shared] };
        Pod pod = node.PodOf("pair", server, client);
        pod = pod with { Spec = pod.Spec! with { Volumes = [new Volume { Name = "shared", EmptyDir = new EmptyDirVolumeSource() }] } };
        await node.RunSandboxAsync(pod);
        await node.StartAsync(pod, "server");
        ContainerRun run = await node.EndAsync(pod, await node.StartAsync(pod, "client"));
        Assert.Equal("served\nfile\nmemory", TestNode.Log(run));
    }

    [Fact]
    public async Task The_pods_own_files_are_where_programs_look_for_them()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("files", TestNode.Shell("cat /etc/hostname; grep files /etc/hosts; grep alias /etc/hosts; cat /etc/resolv.conf; ls -l /dev/termination-log | cut -c1-10"));
        pod = pod with
        {
            Spec = pod.Spec! with
            {
                HostAliases = [new HostAlias { Ip = "1.2.3.4", Hostnames = ["alias"] }],
                DnsPolicy = DnsPolicy.None,
                DnsConfig = new PodDnsConfig { Nameservers = ["192.0.2.53"] },
            },
        };
        (string output, _) = await node.RunToEndAsync(pod);
        Assert.Equal("files\n127.0.0.1\tfiles\n1.2.3.4\talias\nnameserver 192.0.2.53\n-rw-rw-rw-", output);
    }

    [Fact]
    public async Task Host_network_and_host_ipc_are_the_hosts_own()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("host", TestNode.Shell("for n in net ipc uts; do readlink /proc/self/ns/$n; done"));
        pod = pod with { Spec = pod.Spec! with { HostNetwork = true, HostIPC = true } };
        (string output, _) = await node.RunToEndAsync(pod);
        Assert.Equal(new[] { "net", "ipc", "uts" }.Select(name => File.ResolveLinkTarget("/proc/self/ns/" + name, false)!.Name), output.Split('\n'));
    }

    [Fact]
    public async Task With_a_shared_process_namespace_containers_see_each_other_and_pid_1_is_neither()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("shared", TestNode.Shell("exec sleep 1000", "other"), TestNode.Shell("sleep 0.1; ps -o pid,args | grep '[s]leep 1000' | wc -l; cat /proc/1/comm"));
        pod = pod with { Spec = pod.Spec! with { ShareProcessNamespace = true } };
        await node.RunSandboxAsync(pod);
        await node.StartAsync(pod, "other");
        (string output, _) = await node.RunToEndAsync(pod);
        Assert.Equal("1\npause", output);
    }

    [Fact]
    public async Task What_a_container_leaves_behind_in_the_hosts_process_namespace_is_killed_with_it()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("hostpid", TestNode.Shell("sleep 4321 & echo $!"));
        pod = pod with { Spec = pod.Spec! with { HostPID = true } };
        (string output, ContainerRun run) = await node.RunToEndAsync(pod);
        Assert.Equal(0, run.ExitCode);
        int leftover = int.Parse(output, System.Globalization.CultureInfo.InvariantCulture);
        TestNode.AssertEnds(leftover);
    }

    [Fact]
    public async Task A_start_that_fails_is_recorded_with_its_reason_and_leaves_no_cgroup()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("missing", new Container { Name = "main", Image = "busybox", Command = ["/no/such/file"] });
        await node.RunSandboxAsync(pod);
        PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(() => node.StartAsync(pod));
        Assert.Equal(RuntimeFailure.RunContainerError, error.Failure);
        ContainerRun run = Assert.Single((await node.Runtime.PodStatusAsync(TestNode.UidOf("missing"), default))!.Containers);
        Assert.Equal((ContainerRunState.Exited, 128, "StartError"), (run.State, run.ExitCode, run.Reason));
        Assert.Contains("exec: \"/no/such/file\": no such file or directory", run.Message, StringComparison.Ordinal);
        Assert.Equal(["shim"], Directory.GetDirectories($"{node.Paths.Cgroup}/besteffort/pod{TestNode.UidOf("missing")}").Select(Path.GetFileName));
    }

    [Fact]
    public async Task What_the_manifest_asks_for_in_vain_is_a_config_error_and_can_be_tried_again()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string hostPath = node.Scratch + "/later";
        Pod pod = node.PodOf("config", TestNode.Shell("ls /data") with { VolumeMounts = [new VolumeMount { Name = "v", MountPath = "/data" }] });
        pod = pod with { Spec = pod.Spec! with { Volumes = [new Volume { Name = "v", HostPath = new HostPathVolumeSource { Path = hostPath, Type = "Directory" } }] } };
        await node.RunSandboxAsync(pod);
        PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(() => node.StartAsync(pod));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, error.Failure);
        Assert.Equal($"volume v: hostPath {hostPath} does not exist (type Directory)", error.Message);

        Directory.CreateDirectory(hostPath + "/inside");
        ContainerRun run = await node.EndAsync(pod, await node.StartAsync(pod));
        Assert.Equal("inside", TestNode.Log(run));
    }

    [Fact]
    public async Task A_death_by_signal_is_told_as_128_and_the_signal()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("killed", TestNode.Shell("exec sleep 1000"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        using (var process = Pidfd.Open((await node.RunOfAsync(pod, id)).Pid)) Pidfd.SendSignal(process!, SignalNumbers.SIGKILL);
        ContainerRun run = await node.EndAsync(pod, id);
        Assert.Equal((137, 9, "Error"), (run.ExitCode, run.Signal, run.Reason));
    }

    [Theory]
    [InlineData(null, null, "TERM")]
    [InlineData("SIGUSR1", null, "USR1")]
    [InlineData("SIGUSR1", "SIGUSR2", "USR2")]
    public async Task The_stop_signal_is_the_manifests_else_the_images_else_term(string? image, string? manifest, string expected)
    {
        await using TestNode node = await TestNode.OpenAsync();
        node.Image = node.Image with { Config = node.Image.Config with { StopSignal = image } };
        const string script = "for s in TERM USR1 USR2; do trap \"echo $s; exit 0\" $s; done; echo ready; while :; do sleep 0.02; done";
        Container container = TestNode.Shell(script) with { Lifecycle = manifest is null ? null : new Lifecycle { StopSignal = manifest } };
        Pod pod = node.PodOf("stops", container);
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await TestNode.UntilAsync(() => File.ReadAllText(LogOf(node, pod)).Contains("ready", StringComparison.Ordinal));
        await node.Runtime.StopContainerAsync(id, TimeSpan.FromSeconds(10), null, default);
        Assert.Equal("ready\n" + expected, TestNode.Log(await node.RunOfAsync(pod, id)));
    }

    [Fact]
    public async Task A_stop_signal_given_with_the_stop_wins()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("stops", TestNode.Shell("trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await TestNode.UntilAsync(() => File.ReadAllText(LogOf(node, pod)).Contains("ready", StringComparison.Ordinal));
        await node.Runtime.StopContainerAsync(id, TimeSpan.FromSeconds(10), "SIGINT", default);
        Assert.Equal(7, (await node.RunOfAsync(pod, id)).ExitCode);
    }

    [Fact]
    public async Task When_the_process_that_holds_a_sandbox_dies_its_containers_die_with_it()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("orphan", TestNode.Shell("exec sleep 1000"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        int pid = (await node.RunOfAsync(pod, id)).Pid;
        using (var shim = Pidfd.Open(sandbox.ShimPid)) Pidfd.SendSignal(shim!, SignalNumbers.SIGKILL);
        await node.EventAsync(happened => happened.Kind == RuntimeEventKind.SandboxDied);

        PodRuntimeState state = (await node.Runtime.PodStatusAsync(sandbox.Uid, default))!;
        Assert.Equal(PodSandboxState.NotReady, Assert.Single(state.Sandboxes).State);
        ContainerRun run = Assert.Single(state.Containers);
        Assert.Equal((ContainerRunState.Unknown, 137, "ContainerStatusUnknown"), (run.State, run.ExitCode, run.Reason));
        TestNode.AssertEnds(pid);

        Pod next = pod with { Spec = pod.Spec! with { Containers = [TestNode.Shell("exit 5")] } };
        await node.RunSandboxAsync(next, attempt: 1);
        Assert.Equal(5, (await node.EndAsync(next, await node.StartAsync(next, sandboxAttempt: 1))).ExitCode);
    }

    [Fact]
    public async Task Limits_that_the_node_cannot_set_are_told_by_controller()
    {
        await using TestNode node = await TestNode.OpenAsync();
        IReadOnlyList<string> missing = (await node.Runtime.StatusAsync(default)).MissingControllers;
        Assert.SkipWhen(missing.Count == 0, "this machine has every controller");
        Dictionary<string, Quantity> limits = new(StringComparer.Ordinal) { ["cpu"] = Quantity.Parse("1"), ["memory"] = Quantity.Parse("64Mi") };
        Pod limited = node.PodOf("limited", TestNode.Shell("true") with { Resources = new ResourceRequirements { Limits = limits } });
        await node.RunSandboxAsync(limited);
        await node.RunSandboxAsync(node.PodOf("unlimited", TestNode.Shell("true")));

        PodRuntimeState state = (await node.Runtime.PodStatusAsync(TestNode.UidOf("limited"), default))!;
        Assert.False(state.ResourcesEnforced);
        Assert.Equal($"cgroup v2 controllers missing on this node: {string.Join(", ", missing.Intersect(["cpu", "memory"]))}", state.ResourcesMessage);
        Assert.True((await node.Runtime.PodStatusAsync(TestNode.UidOf("unlimited"), default))!.ResourcesEnforced);
    }

    [Fact]
    public async Task A_second_sandbox_of_a_pod_keeps_its_volumes()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("again", TestNode.Shell("cat /v/f 2>/dev/null; echo data > /v/f") with { VolumeMounts = [new VolumeMount { Name = "v", MountPath = "/v" }] });
        pod = pod with { Spec = pod.Spec! with { Volumes = [new Volume { Name = "v", EmptyDir = new EmptyDirVolumeSource() }] } };
        await node.RunToEndAsync(pod);
        await node.Runtime.StopPodSandboxAsync(PodSandboxId.For(TestNode.UidOf("again"), 0), default);
        await node.RunSandboxAsync(pod, attempt: 1);
        await node.Runtime.RemovePodSandboxAsync(PodSandboxId.For(TestNode.UidOf("again"), 0), default);
        ContainerRun run = await node.EndAsync(pod, await node.StartAsync(pod, sandboxAttempt: 1));
        Assert.EndsWith("data", TestNode.Log(run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_stay_when_a_pod_is_removed_until_they_are_asked_away()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("logged", TestNode.Shell("echo kept"));
        (_, ContainerRun run) = await node.RunToEndAsync(pod);
        await node.RemovePodAsync(pod);
        Assert.Equal("kept", TestNode.Log(run));
        await node.Runtime.RemovePodLogsAsync("default", "logged", TestNode.UidOf("logged"), default);
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.Logs));
    }

    [Fact]
    public async Task A_log_that_was_renamed_goes_on_in_a_new_file_at_the_old_path()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("rotated", TestNode.Shell("echo one; until [ -e /v/go ]; do sleep 0.02; done; echo two") with { VolumeMounts = [new VolumeMount { Name = "v", MountPath = "/v" }] });
        pod = pod with { Spec = pod.Spec! with { Volumes = [new Volume { Name = "v", EmptyDir = new EmptyDirVolumeSource() }] } };
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        string log = LogOf(node, pod);
        await TestNode.UntilAsync(() => File.ReadAllText(log).Contains("one", StringComparison.Ordinal));
        File.Move(log, log + ".1");
        await node.Runtime.ReopenContainerLogAsync(id, default);
        File.WriteAllText($"{node.Paths.PodVolumes(TestNode.UidOf("rotated").Value)}/volumes/emptydir/v/go", "");
        Assert.Equal("two", TestNode.Log(await node.EndAsync(pod, id)));
        Assert.EndsWith(" one\n", File.ReadAllText(log + ".1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_with_a_terminal_has_one_of_its_own_and_logs_what_appears_on_it()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("terminal", TestNode.Shell("tty; test -t 0 && test -t 2 && echo $TERM") with { Tty = true });
        (string output, _) = await node.RunToEndAsync(pod);
        Assert.Equal(["/dev/pts/0", "xterm"], output.Split('\n').Select(line => line.TrimEnd('\r')));
    }

    [Fact]
    public async Task Input_is_empty_unless_asked_for_and_then_waits()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("input", TestNode.Shell("cat; echo over", "closed"), TestNode.Shell("readlink /proc/self/fd/0 | cut -d: -f1; cat") with { Stdin = true });
        Assert.Equal("over", (await node.RunToEndAsync(pod, "closed")).Output);
        ContainerId id = await node.StartAsync(pod);
        await TestNode.UntilAsync(() => File.ReadAllText(LogOf(node, pod)).Contains("pipe", StringComparison.Ordinal));
        Assert.Equal(ContainerRunState.Running, (await node.RunOfAsync(pod, id)).State);
    }

    [Fact]
    public async Task A_process_may_open_a_sensible_number_of_files()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string[] limits = (await node.RunToEndAsync("ulimit -n; ulimit -Hn")).Output.Split('\n');
        Assert.Equal(limits[0], limits[1]);
        Assert.InRange(int.Parse(limits[0], System.Globalization.CultureInfo.InvariantCulture), 256, 1 << 20);
    }

    [Fact]
    public async Task A_node_that_requires_its_controllers_refuses_what_it_cannot_enforce()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Assert.SkipWhen((await node.Runtime.StatusAsync(default)).MissingControllers.Count == 0, "this machine has every controller");
        node.RequireControllers = true;
        await node.RestartAsync();
        Dictionary<string, Quantity> limits = new(StringComparer.Ordinal) { ["memory"] = Quantity.Parse("64Mi") };
        Pod limited = node.PodOf("limited", TestNode.Shell("true") with { Resources = new ResourceRequirements { Limits = limits } });
        PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(() => node.RunSandboxAsync(limited));
        Assert.Equal("pod default/limited: cgroup v2 controllers missing on this node: memory, and requireControllers is set", error.Message);
        await node.RunSandboxAsync(node.PodOf("unlimited", TestNode.Shell("true")));
    }

    private static string LogOf(TestNode node, Pod pod) =>
        $"{node.Paths.PodLogs("default", pod.Metadata!.Name!, TestNode.UidOf(pod.Metadata.Name!).Value)}/main/0.log";
}
