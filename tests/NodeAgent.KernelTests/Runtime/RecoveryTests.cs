using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>What a starting agent makes of what an earlier one left.</summary>
public sealed class RecoveryTests
{
    [Fact]
    public async Task The_same_process_runs_on_and_its_log_has_no_hole()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("survivor", TestNode.Shell("i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); sleep 0.005; done"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        ContainerRun before = await node.RunOfAsync(pod, id);
        for (int i = 0; i < 3; i++) await node.RestartAsync();
        ContainerRun after = await node.RunOfAsync(pod, id);
        Assert.Equal((before.Pid, before.StartedAt, ContainerRunState.Running), (after.Pid, after.StartedAt, after.State));
        ContainerRun ended = await node.EndAsync(pod, id);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)), TestNode.Log(ended).Split('\n'));
    }

    [Fact]
    public async Task An_exit_while_no_agent_ran_is_known_with_code_and_time()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("away", TestNode.Shell("sleep 0.3; echo last words > /dev/termination-log; exit 9"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        int pid = (await node.RunOfAsync(pod, id)).Pid;
        await node.Runtime.DisposeAsync();
        DateTimeOffset between = DateTimeOffset.UtcNow;
        await TestNode.UntilAsync(() => Procfs.Stat(pid) is null);
        await node.RestartAsync();
        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal((ContainerRunState.Exited, 9, "Error", "last words\n"), (run.State, run.ExitCode, run.Reason, run.Message));
        Assert.InRange(run.FinishedAt!.Value, between - TimeSpan.FromSeconds(1), DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task A_shim_that_died_while_no_agent_ran_leaves_the_exits_it_wrote_and_unknown_for_the_rest()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("died", TestNode.Shell("exit 4"), TestNode.Shell("exec sleep 1000", "runs"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        ContainerId runs = await node.StartAsync(pod, "runs");
        int pid = (await node.RunOfAsync(pod, runs)).Pid;
        await node.Runtime.DisposeAsync();
        using (var shim = Pidfd.Open(sandbox.ShimPid))
        {
            Pidfd.SendSignal(shim!, SignalNumbers.SIGKILL);
            Assert.True(Poll.Wait(shim!, Poll.POLLIN, TimeSpan.FromSeconds(10)));
        }
        await node.RestartAsync();
        PodRuntimeState state = (await node.Runtime.PodStatusAsync(sandbox.Uid, default))!;
        Assert.Equal(PodSandboxState.NotReady, Assert.Single(state.Sandboxes).State);
        Assert.Equal((ContainerRunState.Unknown, "ContainerStatusUnknown"), (Assert.Single(state.Containers).State, state.Containers[0].Reason));
        TestNode.AssertEnds(pid);
    }

    [Fact]
    public async Task A_damaged_container_record_is_unknown_with_its_name_and_its_process_is_ended()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("torn", TestNode.Shell("exec sleep 1000"), TestNode.Shell("exec sleep 1000", "whole"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        ContainerId whole = await node.StartAsync(pod, "whole");
        int pid = (await node.RunOfAsync(pod, id)).Pid;
        await node.Runtime.DisposeAsync();
        File.WriteAllText(Assert.Single(RecordFiles(node, "main.*.json")), "{ \"id\": \"");
        await node.RestartAsync();
        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal(("main", ContainerRunState.Unknown, 137, "its record was damaged"), (run.Name, run.State, run.ExitCode, run.Message));
        TestNode.AssertEnds(pid);
        Assert.Equal(ContainerRunState.Running, (await node.RunOfAsync(pod, whole)).State);
        await node.Runtime.RemoveContainerAsync(id, default);
        Assert.Equal([whole], (await node.Runtime.PodStatusAsync(TestNode.UidOf("torn"), default))!.Containers.Select(c => c.Id));
    }

    [Fact]
    public async Task A_damaged_sandbox_record_means_the_sandbox_is_down_and_nothing_of_it_runs()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("torn", TestNode.Shell("exec sleep 1000"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await node.Runtime.DisposeAsync();
        File.WriteAllText(Assert.Single(RecordFiles(node, "sandbox.json")), "");
        await node.RestartAsync();
        PodRuntimeState state = (await node.Runtime.PodStatusAsync(sandbox.Uid, default))!;
        Assert.Equal((sandbox.Id, PodSandboxState.NotReady), (Assert.Single(state.Sandboxes).Id, state.Sandboxes[0].State));
        Assert.NotEqual(ContainerRunState.Running, Assert.Single(state.Containers, run => run.Id == id).State);
        Assert.DoesNotContain(LeakLedger.List(node.Paths), leak => leak.Kind is "process" or "cgroup");
    }

    [Fact]
    public async Task A_damaged_pod_record_does_not_touch_what_runs()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("torn", TestNode.Shell("exec sleep 1000"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await node.Runtime.DisposeAsync();
        File.WriteAllText(Assert.Single(RecordFiles(node, "pod.json")), "garbage");
        await node.RestartAsync();
        PodRuntimeState state = (await node.Runtime.PodStatusAsync(TestNode.UidOf("torn"), default))!;
        Assert.Equal(("torn", "default"), (state.Pod.Metadata!.Name, state.Pod.Metadata.Namespace));
        Assert.Equal(ContainerRunState.Running, (await node.RunOfAsync(pod, id)).State);
    }

    [Fact]
    public async Task A_cgroup_without_a_record_is_emptied_and_removed()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("forgotten", TestNode.Shell("exec sleep 1000"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        await node.StartAsync(pod);
        await node.Runtime.DisposeAsync();
        string record = node.Paths.PodRecord(sandbox.Uid.Value);
        PodVolumesUnmount(record);
        Directory.Delete(record, recursive: true);
        await node.RestartAsync();
        Assert.Empty(await node.Runtime.ListPodsAsync(default));
        await node.Runtime.RemoveOrphanVolumesAsync(new HashSet<PodUid>(), default);
        Assert.Empty(LeakLedger.List(node.Paths));
    }

    [Fact]
    public async Task Volumes_outlive_the_run_folder_as_at_a_reboot_and_go_when_nobody_wants_them()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("rebooted", TestNode.Shell("cat /v/f 2>/dev/null; echo data > /v/f") with { VolumeMounts = [new VolumeMount { Name = "v", MountPath = "/v" }] });
        pod = pod with { Spec = pod.Spec! with { Volumes = [new Volume { Name = "v", EmptyDir = new EmptyDirVolumeSource() }] } };
        PodUid uid = TestNode.UidOf("rebooted");
        await node.RunToEndAsync(pod);
        await node.Runtime.StopPodSandboxAsync(PodSandboxId.For(uid, 0), default);
        await node.Runtime.DisposeAsync();
        Directory.Delete(node.Paths.Run, recursive: true);
        await node.RestartAsync();
        await node.Runtime.RemoveOrphanVolumesAsync(new HashSet<PodUid> { uid }, default);
        (string output, _) = await node.RunToEndAsync(pod);
        Assert.EndsWith("data", output, StringComparison.Ordinal);

        await node.Runtime.StopPodSandboxAsync(PodSandboxId.For(uid, 0), default);
        await node.Runtime.RemoveOrphanVolumesAsync(new HashSet<PodUid>(), default);
        Assert.True(Directory.Exists(node.Paths.PodVolumes(uid.Value)), "a pod that has a sandbox keeps its volumes");
        await node.Runtime.RemovePodVolumesAsync(uid, default);
        Assert.False(Directory.Exists(node.Paths.PodVolumes(uid.Value)));
        await node.Runtime.RemovePodVolumesAsync(uid, default);
        await node.RemovePodAsync(pod);
        Assert.False(Directory.Exists(node.Paths.PodVolumes(uid.Value)));
    }

    private static string[] RecordFiles(TestNode node, string pattern) =>
        Directory.GetFiles(node.Paths.PodRecords, pattern, SearchOption.AllDirectories);

    private static void PodVolumesUnmount(string folder)
    {
        foreach (MountInfoEntry mount in MountInfo.Read().Where(m => m.MountPoint.StartsWith(folder, StringComparison.Ordinal)).Reverse())
            Assert.Equal(0, Mounts.umount2(CString.Of(mount.MountPoint), Mounts.MNT_DETACH));
    }
}
