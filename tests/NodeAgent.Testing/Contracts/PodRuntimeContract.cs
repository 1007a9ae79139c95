using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>What every <see cref="IPodRuntime"/> holds to. A test class derives from this and says how to make one.</summary>
public abstract partial class PodRuntimeContract : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongGrace = TimeSpan.FromSeconds(20);
    private static readonly PodUid Uid = new("11111111-1111-8111-8111-111111111111");
    private static readonly PodUid OtherUid = new("22222222-2222-8222-8222-222222222222");
    private RuntimeUnderTest? _underTest;

    protected abstract Task<RuntimeUnderTest> CreateAsync();

    protected RuntimeUnderTest UnderTest => _underTest ?? throw new InvalidOperationException("the test has not begun");

    private IPodRuntime Runtime => UnderTest.Runtime;

    public async ValueTask InitializeAsync() => _underTest = await CreateAsync();

    public async ValueTask DisposeAsync()
    {
        if (_underTest is not null)
            await _underTest.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Running_the_same_sandbox_twice_gives_one_sandbox()
    {
        var config = SandboxOf(Uid, "web", Program(new ContractProgram.HeedsStop()));
        var first = await Runtime.RunPodSandboxAsync(config, default);
        var second = await Runtime.RunPodSandboxAsync(config, default);

        Assert.Equal((first.Id, first.ShimPid), (second.Id, second.ShimPid));
        Assert.Equal(PodSandboxState.Ready, second.State);
        var state = Assert.Single(await Runtime.ListPodsAsync(default));
        Assert.Equal(first.Id, Assert.Single(state.Sandboxes).Id);
    }

    [Fact]
    public async Task The_record_of_a_sandbox_tells_pod_and_source()
    {
        await Runtime.RunPodSandboxAsync(SandboxOf(Uid, "web", Program(new ContractProgram.HeedsStop())), default);

        var state = await StateAsync(Uid);
        Assert.Equal("web", state.Pod.Metadata?.Name);
        Assert.Equal("main", Assert.Single(state.Pod.Spec?.Containers ?? []).Name);
        Assert.Equal("/etc/podagent/web.yaml", state.Source);
    }

    [Fact]
    public async Task A_pod_that_nobody_made_has_no_state() => Assert.Null(await Runtime.PodStatusAsync(Uid, default));

    [Fact]
    public async Task Creating_the_same_run_twice_gives_one_record_and_starts_nothing()
    {
        var config = await CreatedAsync("main", new ContractProgram.HeedsStop());
        await Runtime.CreateContainerAsync(config, default);

        var run = Assert.Single((await StateAsync(Uid)).Containers);
        Assert.Equal((config.Id, ContainerRunState.Created, 0), (run.Id, run.State, run.Pid));
        Assert.Null(run.StartedAt);
        Assert.Equal((config.Hash, config.RestartDelay, config.Attempt), (run.Hash, run.RestartDelay, run.Attempt));
    }

    [Fact]
    public async Task Creating_a_container_in_a_sandbox_that_does_not_exist_fails()
    {
        var config = await ConfigAsync(Uid, "main", new ContractProgram.HeedsStop());
        await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.CreateContainerAsync(config, default));
    }

    [Fact]
    public async Task Starting_a_run_twice_gives_one_process()
    {
        var config = await StartedAsync("main", new ContractProgram.HeedsStop());
        var first = await RunOfAsync(config.Id);
        await Runtime.StartContainerAsync(config.Id, default);
        var second = await RunOfAsync(config.Id);

        Assert.Equal(ContainerRunState.Running, first.State);
        Assert.NotEqual(0, first.Pid);
        Assert.NotNull(first.StartedAt);
        Assert.Equal(first.Pid, second.Pid);
    }

    [Fact]
    public async Task Starting_what_was_never_created_fails_as_not_found()
    {
        var error = await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.StartContainerAsync(IdOf(Uid, "main", 0), default));
        Assert.Equal(RuntimeFailure.NotFound, error.Failure);
    }

    [Theory]
    [InlineData(0, "Completed")]
    [InlineData(3, "Error")]
    public async Task The_exit_code_of_a_run_is_recorded(int code, string reason)
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(code));
        var run = await EndedAsync(config.Id);

        Assert.Equal((ContainerRunState.Exited, code, reason), (run.State, run.ExitCode, run.Reason));
        Assert.NotNull(run.FinishedAt);
        Assert.True(run.FinishedAt >= run.StartedAt);
        Assert.Equal(0, run.Pid);
    }

    [Fact]
    public async Task A_run_that_has_ended_does_not_run_again()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(3));
        var ended = await EndedAsync(config.Id);
        await Runtime.StartContainerAsync(config.Id, default);

        var run = await RunOfAsync(config.Id);
        Assert.Equal((ContainerRunState.Exited, 3, ended.FinishedAt), (run.State, run.ExitCode, run.FinishedAt));
    }

    [Fact]
    public async Task A_start_that_fails_is_an_error_and_a_record()
    {
        var config = await CreatedAsync("main", new ContractProgram.Missing());
        var error = await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.StartContainerAsync(config.Id, default));

        Assert.Equal(RuntimeFailure.RunContainerError, error.Failure);
        var run = await RunOfAsync(config.Id);
        Assert.Equal((ContainerRunState.Exited, 128, "StartError"), (run.State, run.ExitCode, run.Reason));
    }

    [Fact]
    public async Task An_exit_makes_an_event_of_its_pod()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(0));
        await EventAsync(happened => happened == new RuntimeEvent(Uid, RuntimeEventKind.ContainerExited, config.Id));
    }

    [Fact]
    public async Task Attempts_of_one_name_are_listed_newest_first()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(1));
        await EndedAsync(config.Id);
        var next = await ConfigAsync(Uid, "main", new ContractProgram.HeedsStop(), attempt: 1);
        await Runtime.CreateContainerAsync(next, default);
        await Runtime.StartContainerAsync(next.Id, default);

        Assert.Equal([1, 0], (await StateAsync(Uid)).Containers.Select(run => run.Attempt));
    }

    [Fact]
    public async Task Pods_do_not_touch_each_other()
    {
        var one = await StartedAsync("main", new ContractProgram.HeedsStop());
        await Runtime.RunPodSandboxAsync(SandboxOf(OtherUid, "db", Program(new ContractProgram.HeedsStop())), default);
        await RemovePodAsync(OtherUid);

        Assert.Equal(ContainerRunState.Running, (await RunOfAsync(one.Id)).State);
        Assert.Equal([Uid], (await Runtime.ListPodsAsync(default)).Select(state => state.Uid));
    }
}
