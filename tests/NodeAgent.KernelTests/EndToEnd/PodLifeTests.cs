using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>The main job through the real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class PodLifeTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Serve = AgentFixture.Serve;
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Two_containers_share_network_ipc_and_uts_and_have_pid_and_mount_namespaces_of_their_own()
    {
        Agent.Apply("shared.yaml", AgentFixture.Pod("shared", "terminationGracePeriodSeconds: 2", ("a", Serve), ("b", Serve)));
        await Api.WaitForPodAsync("shared", pod => pod.Runs("a") && pod.Runs("b"), "both containers running");

        foreach (string shared in new[] { "net", "ipc", "uts" })
        {
            string ofA = await Exec("shared", "a", "readlink", "/proc/self/ns/" + shared);
            Assert.Equal(ofA, await Exec("shared", "b", "readlink", "/proc/self/ns/" + shared));
            Assert.NotEqual(ofA, new FileInfo("/proc/self/ns/" + shared).LinkTarget);
        }

        foreach (string own in new[] { "pid", "mnt", "cgroup" })
            Assert.NotEqual(await Exec("shared", "a", "readlink", "/proc/self/ns/" + own), await Exec("shared", "b", "readlink", "/proc/self/ns/" + own));
        Assert.Equal("shared", await Exec("shared", "a", "hostname"));
        await Delete("shared");
    }

    [Fact]
    public async Task A_killed_container_comes_back_alone_with_one_restart()
    {
        Agent.Apply("killed.yaml", AgentFixture.Pod("killed", "terminationGracePeriodSeconds: 2", ("stays", Serve), ("dies", Serve)));
        JsonNode before = await Api.WaitForPodAsync("killed", pod => pod.Runs("stays") && pod.Runs("dies"), "both containers running");

        Kill(Pids(before.ContainerId("dies"))[0]);
        JsonNode after = await Api.WaitForPodAsync("killed", pod => pod.Runs("dies") && pod.Restarts("dies") == 1, "one restart");

        Assert.Equal(0, after.Restarts("stays"));
        Assert.Equal(before.ContainerId("stays"), after.ContainerId("stays"));
        Assert.NotEqual(before.ContainerId("dies"), after.ContainerId("dies"));
        Assert.Equal(137, after.Terminated("dies")!["exitCode"]!.GetValue<int>());
        await Delete("killed");
    }

    [Theory]
    [InlineData("Never", "exit 0", "Succeeded", 0, "Completed")]
    [InlineData("OnFailure", "exit 0", "Succeeded", 0, "Completed")]
    [InlineData("Never", "exit 3", "Failed", 3, "Error")]
    [InlineData("Never", "kill -9 $$$$; sleep 1000", "Failed", 137, "Error")]
    public async Task A_pod_that_ends_has_its_phase_exit_code_and_reason(string policy, string script, string phase, int exitCode, string reason)
    {
        string name = $"ends-{policy.ToLowerInvariant()}-{exitCode}";
        // Process 1 of a pid namespace is not killed by itself: the script runs one process below. In a manifest's command $$ stands for one dollar.
        Agent.Apply(name + ".yaml", AgentFixture.Pod(name, "restartPolicy: " + policy, ("main", $"sh -c '{script}'; exit $?")));
        JsonNode pod = await Api.WaitForPodAsync(name, pod => pod.Phase() is "Succeeded" or "Failed", "a terminal phase");

        Assert.Equal(phase, pod.Phase());
        Assert.Equal(exitCode, pod.Terminated("main")!["exitCode"]!.GetValue<int>());
        Assert.Equal(reason, pod.Terminated("main")!["reason"]!.GetValue<string>());
        await Delete(name);
    }

    [Fact]
    public async Task A_container_that_crashes_waits_in_CrashLoopBackOff_after_its_first_immediate_restart()
    {
        Agent.Apply("crash.yaml", AgentFixture.Pod("crash", "", ("main", "echo once more; exit 1")));
        JsonNode pod = await Api.WaitForPodAsync("crash", pod => pod.WaitingReason("main") == "CrashLoopBackOff", "CrashLoopBackOff");

        Assert.Equal(1, pod.Restarts("main"));
        Assert.Contains("back-off 10s", pod.Container("main")["state"]!["waiting"]!["message"]!.GetValue<string>());
        Assert.Equal("once more\n", (await Agent.PodctlAsync("logs", "crash", "-p")).Checked().Output);
        await Delete("crash");
    }

    [Fact]
    public async Task A_changed_manifest_ends_the_old_pod_with_its_grace_before_the_new_one_starts()
    {
        const string slow = "trap 'sleep 1; exit 0' TERM; while :; do sleep 1000 & wait; done";
        Agent.Apply("changed.yaml", AgentFixture.Pod("changed", "terminationGracePeriodSeconds: 20", ("main", slow)));
        JsonNode old = await Api.WaitForPodAsync("changed", pod => pod.Runs("main"), "running");
        Agent.Apply("changed.yaml", AgentFixture.Pod("changed", "terminationGracePeriodSeconds: 20", ("main", slow + " # edited")));
        JsonNode terminating = await Api.WaitForPodAsync("changed", pod => pod["metadata"]!["deletionTimestamp"] is not null, "terminating");
        JsonNode replaced = await Api.WaitForPodAsync("changed", pod => pod.PodUid() != old.PodUid() && pod.Runs("main"), "the new pod running");

        Assert.Equal(old.PodUid(), terminating.PodUid());
        Assert.Equal(0, replaced.Restarts("main"));
        Assert.Empty(Pids(old.ContainerId("main")));
        await Delete("changed");
    }

    [Fact]
    public async Task A_container_that_ignores_its_stop_signal_is_killed_when_the_grace_is_over()
    {
        Agent.Apply("stubborn.yaml", AgentFixture.Pod("stubborn", "terminationGracePeriodSeconds: 1", ("main", "trap '' TERM; while :; do sleep 1000; done")));
        JsonNode pod = await Api.WaitForPodAsync("stubborn", pod => pod.Runs("main"), "running");

        var clock = System.Diagnostics.Stopwatch.StartNew();
        await Delete("stubborn");

        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 20);
        Assert.Empty(Pids(pod.ContainerId("main")));
    }

    [Fact]
    public async Task A_broken_edit_is_reported_with_its_line_and_touches_nothing_that_runs()
    {
        string good = AgentFixture.Pod("edited", "terminationGracePeriodSeconds: 2", ("main", Serve));
        Agent.Apply("edited.yaml", good);
        JsonNode before = await Api.WaitForPodAsync("edited", pod => pod.Runs("main"), "running");
        int pid = Pids(before.ContainerId("main"))[0];

        Agent.Apply("edited.yaml", good.Replace("  containers:", "\tcontainers:", StringComparison.Ordinal));
        await Agent.WaitForLogAsync("edited.yaml:");

        Assert.Contains("tab", Agent.Log);
        Assert.True(Directory.Exists("/proc/" + pid));
        Assert.Contains("edited.yaml", (await Agent.PodctlAsync("get", "pods")).Error);
        await Delete("edited");
    }

    [Fact]
    public async Task Exec_passes_output_and_exit_code_through()
    {
        Agent.Apply("exec.yaml", AgentFixture.Pod("exec", "terminationGracePeriodSeconds: 1", ("main", Serve)));
        await Api.WaitForPodAsync("exec", pod => pod.Runs("main"), "running");

        CommandResult result = await Agent.PodctlAsync("exec", "exec", "--", "sh", "-c", "echo to out; echo to err >&2; exit 7");

        Assert.Equal(7, result.ExitCode);
        Assert.Equal("to out\n", result.Output);
        Assert.StartsWith("to err\n", result.Error);
        await Delete("exec");
    }

    private async Task<string> Exec(string pod, string container, params string[] command) =>
        (await Agent.PodctlAsync(["exec", pod, "-c", container, "--", .. command])).Checked().Output.TrimEnd('\n');

    private Task Delete(string name) => fixture.DeleteAsync(name);

    private List<int> Pids(string containerId) => Agent.ContainerPids(containerId);

    private static void Kill(int pid) => System.Diagnostics.Process.GetProcessById(pid).Kill();
}
