using NodeAgent.Core.Cri;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>Stopping, removing and recovering.</summary>
public abstract partial class PodRuntimeContract
{
    [Fact]
    public async Task A_container_that_heeds_the_stop_signal_ends_before_its_grace_is_over()
    {
        var config = await StartedAsync("main", new ContractProgram.HeedsStop());
        await InTimeAsync(Runtime.StopContainerAsync(config.Id, LongGrace, null, default), TimeSpan.FromSeconds(1));

        var run = await RunOfAsync(config.Id);
        Assert.Equal(ContainerRunState.Exited, run.State);
        Assert.NotEqual(137, run.ExitCode);
    }

    [Fact]
    public async Task A_container_that_ignores_the_stop_signal_is_killed_when_its_grace_is_over()
    {
        var config = await StartedAsync("main", new ContractProgram.IgnoresStop());
        await InTimeAsync(Runtime.StopContainerAsync(config.Id, TimeSpan.FromMilliseconds(300), null, default), TimeSpan.FromSeconds(1));

        var run = await RunOfAsync(config.Id);
        Assert.Equal((ContainerRunState.Exited, 137, 9), (run.State, run.ExitCode, run.Signal));
    }

    [Fact]
    public async Task No_grace_kills_at_once()
    {
        var config = await StartedAsync("main", new ContractProgram.HeedsStop());
        await InTimeAsync(Runtime.StopContainerAsync(config.Id, TimeSpan.Zero, null, default), TimeSpan.Zero);

        Assert.Equal(137, (await RunOfAsync(config.Id)).ExitCode);
    }

    [Fact]
    public async Task A_second_stop_with_a_shorter_grace_shortens_the_first()
    {
        var config = await StartedAsync("main", new ContractProgram.IgnoresStop());
        var patient = Runtime.StopContainerAsync(config.Id, LongGrace, null, default);
        await InTimeAsync(Runtime.StopContainerAsync(config.Id, TimeSpan.FromMilliseconds(200), null, default), TimeSpan.FromSeconds(1));

        await InTimeAsync(patient, TimeSpan.Zero);
        Assert.Equal(137, (await RunOfAsync(config.Id)).ExitCode);
    }

    [Fact]
    public async Task Stopping_what_has_ended_or_never_was_is_no_error_and_changes_nothing()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(3));
        await EndedAsync(config.Id);
        await Runtime.StopContainerAsync(config.Id, LongGrace, null, default);
        await Runtime.StopContainerAsync(IdOf(OtherUid, "nobody", 0), LongGrace, null, default);

        Assert.Equal(3, (await RunOfAsync(config.Id)).ExitCode);
    }

    [Fact]
    public async Task Removing_a_running_container_kills_it_and_forgets_it_and_may_be_repeated()
    {
        var config = await StartedAsync("main", new ContractProgram.IgnoresStop());
        await Runtime.RemoveContainerAsync(config.Id, default);
        await Runtime.RemoveContainerAsync(config.Id, default);

        Assert.Empty((await StateAsync(Uid)).Containers);
    }

    [Fact]
    public async Task Stopping_a_sandbox_kills_its_containers_and_keeps_their_records()
    {
        var config = await StartedAsync("main", new ContractProgram.IgnoresStop());
        await Runtime.StopPodSandboxAsync(config.Sandbox, default);
        await Runtime.StopPodSandboxAsync(config.Sandbox, default);

        var state = await StateAsync(Uid);
        Assert.Equal(PodSandboxState.NotReady, Assert.Single(state.Sandboxes).State);
        var run = Assert.Single(state.Containers);
        Assert.Equal((ContainerRunState.Exited, 137), (run.State, run.ExitCode));
    }

    [Fact]
    public async Task Removing_a_sandbox_that_runs_leaves_nothing_and_may_be_repeated()
    {
        var config = await StartedAsync("main", new ContractProgram.IgnoresStop());
        await Runtime.RemovePodSandboxAsync(config.Sandbox, default);
        await Runtime.RemovePodSandboxAsync(config.Sandbox, default);

        Assert.Null(await Runtime.PodStatusAsync(Uid, default));
        Assert.Empty(await Runtime.ListPodsAsync(default));
    }

    [Fact]
    public async Task A_pod_whose_sandbox_was_stopped_gets_another_and_the_old_one_can_be_removed_alone()
    {
        var old = await StartedAsync("main", new ContractProgram.HeedsStop());
        await Runtime.StopPodSandboxAsync(old.Sandbox, default);
        var next = await Runtime.RunPodSandboxAsync(
            SandboxOf(Uid, "web", Program(new ContractProgram.HeedsStop())) with { Attempt = 1 }, default);
        Assert.Equal([1, 0], (await StateAsync(Uid)).Sandboxes.Select(sandbox => sandbox.Attempt));

        await Runtime.RemovePodSandboxAsync(old.Sandbox, default);
        var state = await StateAsync(Uid);
        Assert.Equal((next.Id, PodSandboxState.Ready), (Assert.Single(state.Sandboxes).Id, state.Sandboxes[0].State));
        Assert.Empty(state.Containers);
    }

    [Fact]
    public async Task After_a_restart_of_the_agent_the_same_process_runs_and_is_known()
    {
        var config = await StartedAsync("main", new ContractProgram.HeedsStop());
        var before = await RunOfAsync(config.Id);
        var recovered = await UnderTest.RestartAgentAsync();

        var state = Assert.Single(await recovered.ListPodsAsync(default));
        Assert.Equal((Uid, "web", "/etc/podagent/web.yaml"), (state.Uid, state.Pod.Metadata?.Name, state.Source));
        Assert.Equal(PodSandboxState.Ready, Assert.Single(state.Sandboxes).State);
        var run = Assert.Single(state.Containers);
        Assert.Equal((before.Id, before.Pid, before.StartedAt, before.Hash, before.RestartDelay), (run.Id, run.Pid, run.StartedAt, run.Hash, run.RestartDelay));
        Assert.Equal(ContainerRunState.Running, run.State);
    }

    [Fact]
    public async Task After_a_restart_of_the_agent_an_earlier_exit_is_known_with_its_code()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(7));
        await EndedAsync(config.Id);
        var recovered = await UnderTest.RestartAgentAsync();

        var run = Assert.Single(Assert.Single(await recovered.ListPodsAsync(default)).Containers);
        Assert.Equal((ContainerRunState.Exited, 7), (run.State, run.ExitCode));
    }

    [Fact]
    public async Task After_a_restart_of_the_agent_every_verb_still_works()
    {
        var config = await StartedAsync("main", new ContractProgram.HeedsStop());
        var recovered = await UnderTest.RestartAgentAsync();
        await InTimeAsync(recovered.StopContainerAsync(config.Id, LongGrace, null, default), TimeSpan.FromSeconds(1));
        await recovered.RemovePodSandboxAsync(config.Sandbox, default);

        Assert.Empty(await recovered.ListPodsAsync(default));
    }
}
