using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>
/// From <c>rename()</c> of a manifest to the first instruction of the container's process, beside <c>crun run</c> of the same image with the same
/// namespaces, capabilities and masked paths, in turns. For crun the clock starts right before the process is started.
/// </summary>
internal sealed class StartBenchmark(AgentProcess agent, string folder)
{
    private const double GoalTimesCrun = 2.0;
    private const int WarmUp = 5;

    public async Task<bool> RunAsync(int rounds)
    {
        using var stamps = new StampReader(folder + "/out");
        PrepareBundle();
        var crun = new Samples("crun run, process start -> first instruction");
        var one = new Samples("podagent, rename() -> first instruction, whole pod");
        var two = new Samples("podagent, rename() -> second container of a pod of two");
        for (int round = -WarmUp; round < rounds; round++)
        {
            long crunTime = await CrunAsync(stamps, round);
            long oneTime = await PodAsync(stamps, $"one-{round + WarmUp}", 1);
            long twoTime = await PodAsync(stamps, $"two-{round + WarmUp}", 2);
            if (round < 0)
                continue;
            crun.Add(crunTime);
            one.Add(oneTime);
            two.Add(twoTime);
        }

        Console.WriteLine(crun);
        Console.WriteLine(one);
        Console.WriteLine(two);
        double ratio = one.Percentile(0.5) / crun.Percentile(0.5);
        bool good = ratio <= GoalTimesCrun;
        Console.WriteLine($"{(good ? "met" : "MISSED")}: p50 {ratio:F2} times crun's, goal at most {GoalTimesCrun:F1}");
        return good;
    }

    private void PrepareBundle()
    {
        string path = StampImage.Bundle(folder) + "/config.json";
        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
        config["process"]!["terminal"] = false;
        config["process"]!["args"] = new JsonArray("/stamp");
        config["mounts"]!.AsArray().Add(new JsonObject
        {
            ["destination"] = "/out",
            ["type"] = "bind",
            ["source"] = folder + "/out",
            ["options"] = new JsonArray("bind", "rw"),
        });
        // This machine's cgroup tree may be hybrid, which crun refuses: it runs without any cgroup work, which can only make it faster.
        config["linux"]!.AsObject().Remove("resources");
        File.WriteAllText(path, config.ToJsonString());
    }

    private async Task<long> CrunAsync(StampReader stamps, int round)
    {
        long from = StampReader.Now;
        Task<CommandResult> run = CommandResult.RunAsync("crun", ["--cgroup-manager=disabled", "--root", folder + "/crun", "run", "--bundle", StampImage.Bundle(folder), "bench" + (round + WarmUp)]);
        Task<long> stamp = Task.Run(stamps.Next);
        if (await Task.WhenAny(stamp, run) == run)
            (await run).Checked();
        long time = await stamp - from;
        (await run).Checked();
        return time;
    }

    private async Task<long> PodAsync(StampReader stamps, string name, int containers)
    {
        string yaml = StampPod.Yaml(name, folder + "/out", containers);
        string temporary = Path.Combine(folder, name + ".yaml"), target = Path.Combine(agent.Manifests, name + ".yaml");
        await File.WriteAllTextAsync(temporary, yaml);
        Task<long> last = Task.Run(() =>
        {
            long stamp = 0;
            for (int i = 0; i < containers; i++)
                stamp = Math.Max(stamp, stamps.Next());
            return stamp;
        });
        long from = StampReader.Now;
        File.Move(temporary, target);
        long time = await last - from;
        File.Delete(target);
        await StampPod.WaitGoneAsync(agent, name);
        return time;
    }
}
