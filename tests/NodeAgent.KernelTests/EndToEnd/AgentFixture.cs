using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>A daemon of its own with a busybox image loaded, made once for the tests of a class. Afterwards nothing of it may be left.</summary>
public sealed class AgentFixture : IAsyncLifetime
{
    public const string Image = "localhost/busybox:1";

    /// <summary>A script that runs until it is asked to stop.</summary>
    public const string Serve = PodYaml.Serve;
    private static int s_count;

    public AgentProcess Agent { get; } = new($"/tmp/podagent-e2e-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");
    public AgentApi Api { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        string layout = await BusyboxImage.LayoutAsync();
        await Agent.StartAsync();
        Api = new AgentApi(Agent.ApiSocket);
        (await Agent.PodctlAsync("image", "load", layout, "--name", Image)).Checked();
    }

    /// <summary>Ends every pod, stops the daemon and asserts by its own ledger that nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (string manifest in Directory.EnumerateFiles(Agent.Manifests))
            File.Delete(manifest);
        foreach (var pod in (await Api.GetAsync("/api/v1/pods"))["items"]!.AsArray())
            await Api.WaitForPodGoneAsync(pod!["metadata"]!["name"]!.GetValue<string>());
        Api.Dispose();
        int code = await Agent.StopAsync();
        CommandResult leaks = await Agent.LeaksAsync();
        await Agent.DisposeAsync();
        Directory.Delete(Agent.Root, recursive: true);
        Assert.True(code == 0, "the agent ended with code " + code + "\n" + Agent.Log);
        Assert.True(leaks.ExitCode == 0, leaks.Output + leaks.Error);
    }

    /// <summary>Takes a manifest away and waits until its pod is gone.</summary>
    public async Task DeleteAsync(string name)
    {
        Agent.Delete(name + ".yaml");
        await Api.WaitForPodGoneAsync(name);
    }

    /// <summary>A pod of containers that each run a shell script.</summary>
    public static string Pod(string name, string extraSpec, params (string Name, string Script)[] containers) => PodYaml.OfScripts(name, Image, extraSpec, containers);
}
