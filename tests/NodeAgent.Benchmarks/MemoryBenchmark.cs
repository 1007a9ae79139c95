using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>Resident memory of the agent and of its shims with a number of idle pods of one container each.</summary>
internal sealed class MemoryBenchmark(AgentProcess agent)
{
    private const long AgentGoalKilobytes = 80 * 1024, ShimGoalKilobytes = 64;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    public async Task<bool> RunAsync(int pods, TimeSpan ready)
    {
        using var stamps = new StampReader(agent.Root + "/out");
        for (int pod = 0; pod < pods; pod++)
            agent.Apply($"idle-{pod}.yaml", StampPod.Yaml($"idle-{pod}", agent.Root + "/out", 1));
        for (int pod = 0; pod < pods; pod++)
            stamps.Next();
        // Idle is what is asked for: the shims give their buffers back after half a second without work.
        await Task.Delay(Idle);
        long agentRss = Rss(agent.Pid);
        List<long> shims = [.. Shims().Select(Rss)];
        Console.WriteLine($"agent: {agentRss} kB resident with {pods} pods; {shims.Count} shims: {shims.Max()} kB resident at most, {Shims().Sum(Pss) / shims.Count} kB proportional each; start to READY {ready.TotalMilliseconds:F0} ms");
        for (int pod = 0; pod < pods; pod++)
            agent.Delete($"idle-{pod}.yaml");
        for (int pod = 0; pod < pods; pod++)
            await StampPod.WaitGoneAsync(agent, $"idle-{pod}");
        bool good = agentRss <= AgentGoalKilobytes && shims.Max() <= ShimGoalKilobytes && shims.Count == pods;
        Console.WriteLine($"{(good ? "met" : "MISSED")}: agent at most {AgentGoalKilobytes} kB, each of {pods} shims at most {ShimGoalKilobytes} kB");
        return good;
    }

    private IEnumerable<int> Shims() =>
        from process in Directory.EnumerateDirectories("/proc")
        where int.TryParse(Path.GetFileName(process), out _) && IsShimOfAgent(process)
        select int.Parse(Path.GetFileName(process));

    private bool IsShimOfAgent(string process)
    {
        try
        {
            return File.ReadAllText(process + "/comm").StartsWith("podagent-shim", StringComparison.Ordinal)
                && File.ReadAllText(process + "/stat").Split(')')[1].Split(' ')[2] == agent.Pid.ToString();
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static long Rss(int pid) => Field($"/proc/{pid}/smaps_rollup", "Rss:");

    private static long Pss(int pid) => Field($"/proc/{pid}/smaps_rollup", "Pss:");

    private static long Field(string path, string name) =>
        long.Parse(File.ReadLines(path).First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
}
