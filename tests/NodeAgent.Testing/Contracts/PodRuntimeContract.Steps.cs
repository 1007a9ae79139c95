using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>The steps that the cases are made of.</summary>
public abstract partial class PodRuntimeContract
{
    private Container Program(ContractProgram program, string name = "main") => UnderTest.Container(name, program);

    private static PodSandboxConfig SandboxOf(PodUid uid, string name, params Container[] containers) => new(
        uid,
        new Pod
        {
            ApiVersion = "v1",
            Kind = "Pod",
            Metadata = new ObjectMeta { Name = name, Namespace = "default", Uid = uid.Value },
            Spec = new PodSpec { Containers = containers, RestartPolicy = RestartPolicy.Never, TerminationGracePeriodSeconds = 1 },
        },
        0,
        $"/etc/podagent/{name}.yaml");

    private static ContainerId IdOf(PodUid uid, string container, int attempt) => ContainerIdentity.Of(PodSandboxId.For(uid, 0), container, attempt);

    private Task<ContainerConfig> ConfigAsync(PodUid uid, string name, ContractProgram program, int attempt = 0) =>
        ConfigAsync(uid, Program(program, name), attempt);

    private async Task<ContainerConfig> ConfigAsync(PodUid uid, Container container, int attempt = 0)
    {
        var id = IdOf(uid, container.Name!, attempt);
        var pod = SandboxOf(uid, "web", container).Pod;
        var rootfs = await UnderTest.RootfsAsync(id);
        return new ContainerConfig(
            PodSandboxId.For(uid, 0), uid, pod, container, ContainerType.Regular, attempt, "0123456789abcdef", UnderTest.Image, rootfs, id, TimeSpan.FromSeconds(10));
    }

    private Task<ContainerConfig> CreatedAsync(string name, ContractProgram program) => CreatedAsync(Program(program, name));

    private async Task<ContainerConfig> CreatedAsync(Container container)
    {
        var config = await ConfigAsync(Uid, container);
        await Runtime.RunPodSandboxAsync(new PodSandboxConfig(Uid, config.Pod, 0, "/etc/podagent/web.yaml"), default);
        Assert.Equal(config.Id, await Runtime.CreateContainerAsync(config, default));
        return config;
    }

    private Task<ContainerConfig> StartedAsync(string name, ContractProgram program) => StartedAsync(Program(program, name));

    private async Task<ContainerConfig> StartedAsync(Container container)
    {
        var config = await CreatedAsync(container);
        await Runtime.StartContainerAsync(config.Id, default);
        return config;
    }

    private async Task<PodRuntimeState> StateAsync(PodUid uid)
    {
        var state = await Runtime.PodStatusAsync(uid, default);
        Assert.NotNull(state);
        return state;
    }

    private async Task<ContainerRun> RunOfAsync(ContainerId id) => Assert.Single((await StateAsync(Uid)).Containers, run => run.Id == id);

    /// <summary>The run when it has ended; looks again after each event.</summary>
    private async Task<ContainerRun> EndedAsync(ContainerId id)
    {
        UnderTest.LetTimePass(TimeSpan.FromSeconds(1));
        while (true)
        {
            var run = await RunOfAsync(id);
            if (run.State is ContainerRunState.Exited)
                return run;
            await EventAsync(_ => true);
        }
    }

    private async Task EventAsync(Predicate<RuntimeEvent> wanted)
    {
        UnderTest.LetTimePass(TimeSpan.FromSeconds(1));
        using var deadline = new CancellationTokenSource(Deadline);
        await foreach (var happened in Runtime.Events.ReadAllAsync(deadline.Token))
        {
            if (wanted(happened))
                return;
        }
    }

    private async Task RemovePodAsync(PodUid uid)
    {
        foreach (var sandbox in (await StateAsync(uid)).Sandboxes)
            await Runtime.RemovePodSandboxAsync(sandbox.Id, default);
    }

    /// <summary>The verb returns when this much time has passed, or at once on a real clock that is past it, but not as late as the long grace.</summary>
    private async Task InTimeAsync(Task verb, TimeSpan by)
    {
        UnderTest.LetTimePass(by);
        await verb.WaitAsync(LongGrace / 2);
    }
}
