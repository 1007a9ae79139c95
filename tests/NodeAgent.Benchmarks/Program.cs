using NodeAgent.Benchmarks;
using NodeAgent.Testing.Agent;

// usage: NodeAgent.Benchmarks [--rounds N] [--pods N] [--folder D]
//        NodeAgent.Benchmarks images [--rounds N] [--folder D]
//        NodeAgent.Benchmarks probes [--pods N] [--seconds N] [--folder D]
//        NodeAgent.Benchmarks pull [--rounds N] [--folder D] [--images NAME,NAME]
// Prints figures beside those of others, taken in turns in one run. Exit code 1 when a goal is missed.
int rounds = Number("--rounds", 60);
int pods = Number("--pods", 20);
string folder = Text("--folder", "/tmp/podagent-bench-" + Environment.ProcessId);

Directory.CreateDirectory(folder);
try
{
    if (args is ["images", ..])
    {
        bool quick = await new SnapshotBenchmark(folder).RunAsync(500);
        return new UnpackBenchmark(folder).Run(Number("--rounds", 5)) && quick ? 0 : 1;
    }

    if (args is ["pull", ..])
        return await new PullBenchmark(folder).RunAsync(Number("--rounds", 5), Text("--images", "") is { Length: > 0 } only ? only : null) ? 0 : 1;

    if (args is ["probes", ..])
    {
        string probed = await ProbedServer.BuildAsync(folder), bundle = await ProbedServer.BundleAsync(folder);
        return await WithAgentAsync("probes", probed, ProbedServer.ImageName, async (agent, _) =>
            await new ProbeBenchmark(agent).RunHttpAsync(Number("--pods", 100), Number("--seconds", 30))
            & await new ProbeBenchmark(agent).RunExecAsync(20, Number("--seconds", 30), bundle)) ? 0 : 1;
    }

    string image = await StampImage.BuildAsync(folder);
    bool good = await WithAgentAsync("latency", image, StampImage.Name, async (agent, _) =>
        await new StartBenchmark(agent, folder).RunAsync(rounds) & await new RestartBenchmark(agent, folder).RunAsync(rounds));
    good &= await WithAgentAsync("memory", image, StampImage.Name, (agent, ready) => new MemoryBenchmark(agent).RunAsync(pods, ready));
    return good ? 0 : 1;
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// An agent of its own, which has done nothing before.
async Task<bool> WithAgentAsync(string name, string image, string imageName, Func<AgentProcess, TimeSpan, Task<bool>> run)
{
    await using var agent = new AgentProcess(folder + "/" + name);
    TimeSpan ready = await agent.StartAsync();
    (await agent.PodctlAsync("image", "load", image, "--name", imageName)).Checked();
    try
    {
        bool good = await run(agent, ready);
        await agent.StopAsync();
        return good;
    }
    catch
    {
        Console.Error.WriteLine(agent.Log);
        throw;
    }
}

int Number(string option, int otherwise) => int.TryParse(Text(option, ""), out int value) ? value : otherwise;

string Text(string option, string otherwise)
{
    int at = Array.IndexOf(args, option);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;
}
