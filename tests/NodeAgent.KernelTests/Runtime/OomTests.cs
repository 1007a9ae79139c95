using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Runtime.Cgroups;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>Who was killed for want of memory, and what is said of it.</summary>
public sealed class OomTests
{
    // A buffer twice as large as the limit, and filled.
    private const string Hog = "dd if=/dev/zero of=/dev/null bs=128M count=1 2>/dev/null";
    private static readonly CgroupSettings OneByOne = new() { SingleProcessOomKill = true };

    [Theory]
    [InlineData(CgroupDriverKind.Cgroupfs)]
    [InlineData(CgroupDriverKind.Systemd)]
    public async Task A_container_over_its_limit_is_OOMKilled_and_its_sibling_lives(CgroupDriverKind driver)
    {
        await using TestNode node = await OpenAsync(driver);
        Pod pod = node.PodOf("hog", Limited("echo go; " + Hog + "; sleep 1000"), TestNode.Shell("sleep 1000", "sibling"));
        await node.RunSandboxAsync(pod);
        ContainerId sibling = await node.StartAsync(pod, "sibling");
        ContainerRun run = await node.EndAsync(pod, await node.StartAsync(pod));

        Assert.Equal((ContainerRunState.Exited, 137, 9, "OOMKilled"), (run.State, run.ExitCode, run.Signal, run.Reason));
        Assert.True(run.OomKills > 0);
        Assert.Equal(ContainerRunState.Running, (await node.RunOfAsync(pod, sibling)).State);
    }

    [Fact]
    public async Task A_container_that_survives_the_kill_of_a_child_runs_on_and_tells_of_it()
    {
        await using TestNode node = await OpenAsync(settings: OneByOne);
        Pod pod = node.PodOf("survivor", Limited($"{Hog}; echo survived; sleep 1000"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await node.EventAsync(happened => happened.Kind == RuntimeEventKind.ProcessOomKilled);

        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal((ContainerRunState.Running, 1L), (run.State, run.OomKills));
        await TestNode.UntilAsync(() => TestNode.Log(run) == "survived");
    }

    [Fact]
    public async Task Our_own_kill_of_a_container_that_lost_a_child_before_is_no_OOMKilled()
    {
        await using TestNode node = await OpenAsync(settings: OneByOne);
        Pod pod = node.PodOf("survivor", Limited($"trap '' TERM; {Hog}; sleep 1000"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await node.EventAsync(happened => happened.Kind == RuntimeEventKind.ProcessOomKilled);
        await node.Runtime.StopContainerAsync(id, TimeSpan.Zero, null, default);

        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal((137, "Error", 1L), (run.ExitCode, run.Reason, run.OomKills));
    }

    [Fact]
    public async Task Exit_code_137_without_a_kill_for_memory_is_an_error()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerRun run) = await node.RunToEndAsync("exit 137");
        Assert.Equal((137, 0, "Error"), (run.ExitCode, run.Signal, run.Reason));
    }

    [Fact]
    public async Task A_kill_for_memory_while_no_agent_ran_is_told_by_the_next_one()
    {
        await using TestNode node = await OpenAsync();
        Pod pod = node.PodOf("hog", Limited($"while [ ! -e /dev/shm/go ]; do sleep 0.05; done; {Hog}"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        int pid = (await node.RunOfAsync(pod, id)).Pid;
        await node.Runtime.DisposeAsync();
        await File.WriteAllTextAsync($"/proc/{pid}/root/dev/shm/go", "", TestContext.Current.CancellationToken);
        await TestNode.UntilAsync(() => !Directory.Exists($"/proc/{pid}"));
        await node.RestartAsync();

        ContainerRun run = await node.RunOfAsync(pod, id);
        Assert.Equal((137, "OOMKilled"), (run.ExitCode, run.Reason));
        Assert.NotEqual(0, sandbox.ShimPid);
    }

    [Fact]
    public async Task The_next_run_of_a_container_starts_with_a_clean_count()
    {
        await using TestNode node = await OpenAsync();
        Pod pod = node.PodOf("hog", Limited(Hog + "; exit 137"));
        await node.RunSandboxAsync(pod);
        Assert.Equal("OOMKilled", (await node.EndAsync(pod, await node.StartAsync(pod))).Reason);

        Pod calm = node.PodOf("calm", Limited("exit 137"));
        await node.RunSandboxAsync(calm);
        Assert.Equal(("Error", 0L), await EndOfAsync(node, calm));
        Assert.Equal(("Error", 0L), await EndOfAsync(node, calm, attempt: 1));
    }

    private static async Task<(string? Reason, long Kills)> EndOfAsync(TestNode node, Pod pod, int attempt = 0)
    {
        ContainerRun run = await node.EndAsync(pod, await node.StartAsync(pod, attempt: attempt));
        return (run.Reason, run.OomKills);
    }

    private static async Task<TestNode> OpenAsync(CgroupDriverKind driver = CgroupDriverKind.Cgroupfs, CgroupSettings? settings = null)
    {
        TestNode node = await TestNode.OpenAsync(driver, settings);
        if (!(await node.Runtime.StatusAsync(default)).MissingControllers.Contains("memory")) return node;
        await node.DisposeAsync();
        Assert.Skip("needs the memory controller");
        return node;
    }

    private static Container Limited(string script) => TestNode.Shell(script) with
    {
        Resources = new ResourceRequirements
        {
            Limits = new Dictionary<string, Quantity>(StringComparer.Ordinal) { [ResourceName.Memory] = Quantity.Parse("64Mi") },
        },
    };
}
