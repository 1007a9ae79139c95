using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>Changing what running pods may use.</summary>
public abstract partial class PodRuntimeContract
{
    // No process gets by with a page of memory.
    private const string BelowAnyUse = "4Ki";

    [Fact]
    public async Task A_run_tells_the_resources_it_was_made_with()
    {
        var config = await StartedAsync(Limited("64Mi"));
        AssertMemory("64Mi", await RunOfAsync(config.Id));
    }

    [Fact]
    public async Task Updated_resources_are_told_and_the_process_runs_on()
    {
        var config = await StartedAsync(Limited("64Mi"));
        var before = await RunOfAsync(config.Id);
        await Runtime.UpdateContainerResourcesAsync(config.Id, Memory("128Mi"), default);
        await Runtime.UpdateContainerResourcesAsync(config.Id, Memory("128Mi"), default);

        var after = await RunOfAsync(config.Id);
        AssertMemory("128Mi", after);
        Assert.Equal((ContainerRunState.Running, before.Pid, before.StartedAt), (after.State, after.Pid, after.StartedAt));
    }

    [Fact]
    public async Task Updated_resources_outlive_the_agent()
    {
        var config = await StartedAsync(Limited("64Mi"));
        var resized = WithMemory(config.Pod, "128Mi");
        await Runtime.UpdatePodSandboxResourcesAsync(config.Sandbox, resized, default);
        await Runtime.UpdateContainerResourcesAsync(config.Id, Memory("128Mi"), default);
        var again = await UnderTest.RestartAgentAsync();

        var state = await again.PodStatusAsync(Uid, default);
        AssertMemory("128Mi", Assert.Single(state!.Containers));
        Assert.Equal(Quantity.Parse("128Mi"), state.Pod.Spec!.Containers![0].Resources!.Limits![ResourceName.Memory]);
    }

    [Fact]
    public async Task A_run_that_is_not_started_yet_starts_with_the_updated_resources()
    {
        var config = await CreatedAsync(Limited("64Mi"));
        await Runtime.UpdateContainerResourcesAsync(config.Id, Memory("128Mi"), default);
        await Runtime.StartContainerAsync(config.Id, default);
        AssertMemory("128Mi", await RunOfAsync(config.Id));
    }

    [Fact]
    public async Task Taking_all_resources_away_is_told_as_none()
    {
        var config = await StartedAsync(Limited("64Mi"));
        await Runtime.UpdateContainerResourcesAsync(config.Id, null, default);
        Assert.Null((await RunOfAsync(config.Id)).Resources);
    }

    [Fact]
    public async Task Updating_a_run_that_has_ended_changes_nothing()
    {
        var config = await StartedAsync("main", new ContractProgram.Exits(3));
        await EndedAsync(config.Id);
        await Runtime.UpdateContainerResourcesAsync(config.Id, Memory("128Mi"), default);

        var run = await RunOfAsync(config.Id);
        Assert.Equal((ContainerRunState.Exited, 3), (run.State, run.ExitCode));
        Assert.Null(run.Resources);
    }

    [Fact]
    public async Task Updating_what_nobody_made_fails_as_not_found()
    {
        var container = await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.UpdateContainerResourcesAsync(IdOf(Uid, "main", 0), null, default));
        var sandbox = await Assert.ThrowsAsync<PodRuntimeException>(
            () => Runtime.UpdatePodSandboxResourcesAsync(PodSandboxId.For(Uid, 0), new Pod { Spec = new PodSpec() }, default));
        Assert.Equal((RuntimeFailure.NotFound, RuntimeFailure.NotFound), (container.Failure, sandbox.Failure));
    }

    [Fact]
    public async Task A_memory_limit_below_the_use_of_a_container_is_refused_and_changes_nothing()
    {
        Assert.SkipUnless(UnderTest.EnforcesMemory, "needs the memory controller");
        var config = await StartedAsync(Limited("64Mi"));
        var error = await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.UpdateContainerResourcesAsync(config.Id, Memory(BelowAnyUse), default));

        Assert.Equal(RuntimeFailure.MemoryLimitBelowUsage, error.Failure);
        AssertMemory("64Mi", await RunOfAsync(config.Id));
    }

    [Fact]
    public async Task A_memory_limit_below_the_use_of_the_pod_is_refused_and_changes_nothing()
    {
        Assert.SkipUnless(UnderTest.EnforcesMemory, "needs the memory controller");
        var config = await StartedAsync(Limited("64Mi"));
        var error = await Assert.ThrowsAsync<PodRuntimeException>(
            () => Runtime.UpdatePodSandboxResourcesAsync(config.Sandbox, WithMemory(config.Pod, BelowAnyUse), default));

        Assert.Equal(RuntimeFailure.MemoryLimitBelowUsage, error.Failure);
        Assert.Equal(Quantity.Parse("64Mi"), (await StateAsync(Uid)).Pod.Spec!.Containers![0].Resources!.Limits![ResourceName.Memory]);
    }

    [Fact]
    public async Task Resources_of_another_quality_of_service_class_are_refused()
    {
        var config = await StartedAsync(Limited("64Mi"));
        var bestEffort = config.Pod with { Spec = config.Pod.Spec! with { Containers = [config.Container with { Resources = null }] } };
        var error = await Assert.ThrowsAsync<PodRuntimeException>(() => Runtime.UpdatePodSandboxResourcesAsync(config.Sandbox, bestEffort, default));
        Assert.Equal(RuntimeFailure.QosClassChanged, error.Failure);
    }

    private static ResourceRequirements Memory(string limit) => new()
    {
        Limits = new Dictionary<string, Quantity>(StringComparer.Ordinal) { [ResourceName.Memory] = Quantity.Parse(limit) },
    };

    private Container Limited(string memory) => Program(new ContractProgram.HeedsStop()) with { Resources = Memory(memory) };

    private static Pod WithMemory(Pod pod, string limit) => pod with
    {
        Spec = pod.Spec! with { Containers = [pod.Spec.Containers![0] with { Resources = Memory(limit) }] },
    };

    private static void AssertMemory(string limit, ContainerRun run) =>
        Assert.Equal(Quantity.Parse(limit), Assert.IsType<ResourceRequirements>(run.Resources).Limits![ResourceName.Memory]);
}
