using NodeAgent.Benchmarks;
using NodeAgent.Testing.Agent;

// usage: NodeAgent.Benchmarks [--rounds N] [--pods N] [--folder D]
//        NodeAgent.Benchmarks images [--rounds N] [--folder D]
// Prints figures beside crun's, taken in turns in one run. Exit code 1 when a goal is missed.
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

    await using var agent = new AgentProcess(folder + "/agent");
    string image = await StampImage.BuildAsync(folder);
    TimeSpan ready = await agent.StartAsync();
    (await agent.PodctlAsync("image", "load", image, "--name", StampImage.Name)).Checked();
    bool good = true;
    try
    {
        good &= await new StartBenchmark(agent, folder).RunAsync(rounds);
        good &= await new RestartBenchmark(agent, folder).RunAsync(rounds);
        good &= await new MemoryBenchmark(agent).RunAsync(pods, ready);
    }
    catch
    {
        Console.Error.WriteLine(agent.Log);
        throw;
    }

    return good ? 0 : 1;
}
finally
{
    Directory.Delete(folder, recursive: true);
}

int Number(string option, int otherwise) => int.TryParse(Text(option, ""), out int value) ? value : otherwise;

string Text(string option, string otherwise)
{
    int at = Array.IndexOf(args, option);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;
}
