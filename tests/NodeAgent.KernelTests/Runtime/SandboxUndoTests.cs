using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>
/// A sandbox that fails at any step leaves nothing; an agent that is killed at any step leaves what the next one takes down or carries on.
/// </summary>
public sealed class SandboxUndoTests
{
    public static TheoryData<string> SetupSteps =>
    [
        "SandboxSetup.AfterRecord", "SandboxSetup.AfterShim", "SandboxSetup.AfterCgroup", "SandboxSetup.AfterVolumes", "SandboxSetup.AfterFiles",
        "SandboxSetup.AfterConnect", "SandboxSetup.AfterNamespaces", "SandboxSetup.AfterPause",
    ];

    public static TheoryData<string> TeardownSteps =>
    [
        "SandboxTeardown.AfterRecord", "SandboxTeardown.AfterShim", "SandboxTeardown.AfterCgroup", "SandboxTeardown.AfterShm",
        "SandboxTeardown.AfterVolumes",
    ];

    public static TheoryData<string> StartSteps =>
        ["ContainerStart.AfterBundle", "ContainerStart.AfterRecord", "ContainerStart.AfterCgroup", "ContainerStart.AfterStart"];

    [Theory, MemberData(nameof(SetupSteps))]
    public async Task A_sandbox_that_fails_at_a_step_leaves_nothing_and_can_be_made_then(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        node.Failpoint = passed => Fail(step, passed);
        PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(() => node.RunSandboxAsync(pod));
        Assert.Equal(RuntimeFailure.FailedCreatePodSandBox, error.Failure);
        Assert.Contains(step, error.Message, StringComparison.Ordinal);
        Assert.Empty(LeakLedger.List(node.Paths));
        Assert.Empty(await node.Runtime.ListPodsAsync(default));

        node.Failpoint = null;
        Assert.Equal(0, (await node.RunToEndAsync(pod)).Run.ExitCode);
    }

    [Theory, MemberData(nameof(SetupSteps))]
    public async Task An_agent_killed_while_it_makes_a_sandbox_leaves_what_the_next_one_takes_down(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        await HangAsync(node, step, () => node.RunSandboxAsync(pod));
        await node.RestartAsync();
        Assert.Empty(await node.Runtime.ListPodsAsync(default));
        await node.Runtime.RemoveOrphanVolumesAsync(new HashSet<PodUid>(), default);
        Assert.Empty(LeakLedger.List(node.Paths));
        Assert.Equal(0, (await node.RunToEndAsync(pod)).Run.ExitCode);
    }

    [Theory, MemberData(nameof(TeardownSteps))]
    public async Task A_removal_that_fails_at_a_step_is_an_error_and_ends_when_tried_again(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        await node.StartAsync(pod, "stays");
        node.Failpoint = passed => Fail(step, passed);
        await Assert.ThrowsAnyAsync<Exception>(() => node.Runtime.RemovePodSandboxAsync(sandbox.Id, default));
        node.Failpoint = null;
        PodRuntimeState state = Assert.IsType<PodRuntimeState>(await node.Runtime.PodStatusAsync(sandbox.Uid, default));
        Assert.Equal(PodSandboxState.NotReady, Assert.Single(state.Sandboxes).State);
        await node.Runtime.RemovePodSandboxAsync(sandbox.Id, default);
        Assert.Empty(LeakLedger.List(node.Paths));
    }

    [Theory, MemberData(nameof(TeardownSteps))]
    public async Task An_agent_killed_while_it_removes_a_sandbox_is_followed_by_one_that_knows_it_as_stopped(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod, "stays");
        await HangAsync(node, step, () => node.Runtime.RemovePodSandboxAsync(sandbox.Id, default));
        await node.RestartAsync();
        PodRuntimeState state = Assert.IsType<PodRuntimeState>(await node.Runtime.PodStatusAsync(sandbox.Uid, default));
        Assert.Equal(PodSandboxState.NotReady, Assert.Single(state.Sandboxes).State);
        ContainerRun run = Assert.Single(state.Containers, run => run.Id == id);
        Assert.Equal((ContainerRunState.Exited, 137), (run.State, run.ExitCode));
    }

    [Theory, MemberData(nameof(StartSteps))]
    public async Task An_agent_killed_while_it_starts_a_container_is_followed_by_one_that_can_finish_the_start(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.CreateAsync(pod, "stays");
        await HangAsync(node, step, () => node.Runtime.StartContainerAsync(id, default));
        await node.RestartAsync();
        Assert.Equal(
            step == "ContainerStart.AfterStart" ? ContainerRunState.Running : ContainerRunState.Created, (await node.RunOfAsync(pod, id)).State);
        await node.Runtime.StartContainerAsync(id, default);
        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal(ContainerRunState.Running, run.State);
        await node.Runtime.StopContainerAsync(id, TimeSpan.Zero, null, default);
    }

    [Theory]
    [InlineData("ContainerStart.AfterRecord")]
    [InlineData("ContainerStart.AfterCgroup")]
    public async Task A_container_whose_start_fails_before_its_process_can_be_started_again(string step)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = FullPod(node);
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.CreateAsync(pod);
        node.Failpoint = passed => Fail(step, passed);
        await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.StartContainerAsync(id, default));
        node.Failpoint = null;
        Assert.Equal(ContainerRunState.Created, (await node.RunOfAsync(pod, id)).State);
        Assert.False(Directory.Exists($"{node.Paths.Cgroup}/besteffort/pod{TestNode.UidOf("full")}/{id}"));
        await node.Runtime.StartContainerAsync(id, default);
        Assert.Equal(0, (await node.EndAsync(pod, id)).ExitCode);
    }

    /// <summary>A pod that needs every step.</summary>
    private static Pod FullPod(TestNode node)
    {
        VolumeMount[] mounts = [new() { Name = "disk", MountPath = "/disk" }, new() { Name = "memory", MountPath = "/memory" }];
        Pod pod = node.PodOf("full", TestNode.Shell("echo x > /disk/x; echo y > /memory/y") with { VolumeMounts = mounts }, TestNode.Shell("exec sleep 1000", "stays"));
        return pod with
        {
            Spec = pod.Spec! with
            {
                ShareProcessNamespace = true,
                Volumes =
                [
                    new Volume { Name = "disk", EmptyDir = new EmptyDirVolumeSource() },
                    new Volume { Name = "memory", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory" } },
                ],
            },
        };
    }

    private static void Fail(string step, string passed)
    {
        if (passed == step) throw new IOException(step);
    }

    /// <summary>Runs a verb until it passes the step, where its thread stops for good: nothing after it happens, as after SIGKILL.</summary>
    private static async Task HangAsync(TestNode node, string step, Func<Task> verb)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Failpoint = passed =>
        {
            if (passed != step) return;
            reached.TrySetResult();
            new ManualResetEventSlim().Wait();
        };
        _ = Task.Run(verb);
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }
}
