using System.Diagnostics;
using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>podctl delete on a real daemon and a real folder: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class DeleteTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Deaf = "trap '' TERM; while :; do sleep 1000; done";

    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task A_deleted_pod_is_gone_with_its_manifest_and_stays_gone_over_a_kill_of_the_agent()
    {
        await RunAsync("gone", "", AgentFixture.Serve);
        CommandResult deleted = (await Agent.PodctlAsync("delete", "pod", "gone")).Checked();
        Assert.Equal("pod \"gone\" deleted\n", deleted.Output);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Agent.Manifests));
        Assert.Equal(3, (await Agent.PodctlAsync("get", "pod", "gone")).ExitCode);
        await Agent.KillAsync();
        await Agent.StartAsync();
        Assert.Empty((await Api.GetAsync("/api/v1/pods"))["items"]!.AsArray());
    }

    [Fact]
    public async Task A_second_shorter_delete_ends_a_pod_that_does_not_listen()
    {
        JsonNode pod = await RunAsync("deaf", "terminationGracePeriodSeconds: 600", Deaf);
        (await Agent.PodctlAsync("delete", "pod", "deaf", "--wait=false")).Checked();
        JsonNode ending = await Api.WaitForPodAsync("deaf", p => p["metadata"]!["deletionTimestamp"] is not null, "ending");
        Assert.Equal(600, ending["metadata"]!["deletionGracePeriodSeconds"]!.GetValue<int>());
        CommandResult late = await Agent.PodctlAsync("delete", "pod", "deaf", "--timeout=300ms");
        Assert.Equal(1, late.ExitCode);
        Assert.Contains("pod/deaf: not gone within 300ms", late.Error);
        var clock = Stopwatch.StartNew();
        (await Agent.PodctlAsync("delete", "pod", "deaf", "--force")).Checked();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"a forced deletion took {clock.Elapsed}");
        Assert.Empty(Agent.ContainerPids(pod.ContainerId("main")));
    }

    [Fact]
    public async Task Files_that_hold_more_or_were_broken_are_refused_and_stay()
    {
        await RunAsync("broken", "", AgentFixture.Serve);
        Agent.Apply("shared.yaml", AgentFixture.Pod("one", "", ("main", AgentFixture.Serve)) + "\n---\n" + AgentFixture.Pod("two", "", ("main", AgentFixture.Serve)));
        await Api.WaitForPodAsync("two", p => p.Runs("main"), "running");
        Agent.Apply("broken.yaml", "apiVersion: v1\nkind: Pod\nspec: 7\n");

        CommandResult shared = await Agent.PodctlAsync("delete", "pod", "one");
        Assert.Equal((1, ""), (shared.ExitCode, shared.Output));
        Assert.Contains($"its manifest {Agent.Manifests}/shared.yaml holds other pods as well (default/two): take the document of one out of the file", shared.Error);
        CommandResult broken = await Agent.PodctlAsync("delete", "pod", "broken");
        Assert.Equal(1, broken.ExitCode);
        Assert.Contains($"its manifest {Agent.Manifests}/broken.yaml is faulty", broken.Error);
        Assert.Equal(["broken.yaml", "shared.yaml"], Directory.EnumerateFileSystemEntries(Agent.Manifests).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        (await Agent.PodctlAsync("wait", "pod/one", "pod/two", "pod/broken", "--for=condition=Ready", "--timeout=30s")).Checked();
        Agent.Delete("shared.yaml");
        Agent.Delete("broken.yaml");
        (await Agent.PodctlAsync("wait", "pod/one", "pod/two", "pod/broken", "--for=delete", "--timeout=1m")).Checked();
    }

    [Fact]
    public async Task A_link_goes_and_what_it_leads_to_stays()
    {
        string target = Path.Combine(Agent.Root, "elsewhere.yaml");
        await File.WriteAllTextAsync(target, AgentFixture.Pod("linked", "", ("main", AgentFixture.Serve)), TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(Agent.Manifests, "linked.yaml"), target);
        await Api.WaitForPodAsync("linked", p => p.Runs("main"), "running");
        (await Agent.PodctlAsync("delete", "pod", "linked", "--now")).Checked();
        Assert.Empty(Directory.EnumerateFileSystemEntries(Agent.Manifests));
        Assert.True(File.Exists(target));
    }

    private Task<JsonNode> RunAsync(string name, string spec, string script)
    {
        Agent.Apply(name + ".yaml", AgentFixture.Pod(name, spec, ("main", script)));
        return Api.WaitForPodAsync(name, p => p.Runs("main"), "running");
    }
}
