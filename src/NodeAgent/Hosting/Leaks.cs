using Microsoft.Extensions.Logging;
using NodeAgent.Configuration;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Runtime;

namespace NodeAgent.Hosting;

/// <summary>
/// <c>podagent leaks</c>: what pods of an agent with these folders still hold, as the kernel and the folders say. With <c>--remove</c> it is ended and deleted,
/// pods that run included: for an agent that is to go for good. Not while the agent runs.
/// </summary>
internal static class Leaks
{
    /// <returns>0 when nothing is left, else 1.</returns>
    public static async Task<int> RunAsync(AgentOptions options, bool remove, CancellationToken cancellation)
    {
        if (remove)
            await RemoveAsync(options, cancellation);
        IReadOnlyList<Leak> left = LeakLedger.List(options.Paths);
        foreach (Leak leak in left)
            Console.WriteLine(leak);
        Console.WriteLine(left.Count == 0 ? "nothing is left: no process, cgroup, mount, record, volume or snapshot" : $"{left.Count} left");
        return left.Count == 0 ? 0 : 1;
    }

    private static async Task RemoveAsync(AgentOptions options, CancellationToken cancellation)
    {
        using ILoggerFactory logging = AgentLogging.Create();
        using var facts = new NodeFacts(options, Daemon.Version, TimeProvider.System.GetUtcNow());
        // The store's lock refuses this while the agent runs.
        await using ImageService images = await ImageService.OpenAsync(options.Paths, TimeProvider.System, logging.CreateLogger<ImageService>());
        await using PodRuntime runtime = await PodRuntime.OpenAsync(
            options.Paths, TimeProvider.System, logging.CreateLogger<PodRuntime>(), Daemon.RuntimeOptions(options, facts));
        foreach (PodRuntimeState pod in await runtime.ListPodsAsync(cancellation))
        {
            foreach (PodSandbox sandbox in pod.Sandboxes)
                await runtime.RemovePodSandboxAsync(sandbox.Id, cancellation);
        }

        foreach (string snapshot in await images.ListAsync(cancellation))
            await images.RemoveAsync(snapshot, cancellation);
    }
}
