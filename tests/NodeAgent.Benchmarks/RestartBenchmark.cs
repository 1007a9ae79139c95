using System.Diagnostics;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>From SIGKILL of a container's process to the first instruction of its next run: the first restart, which has no back-off.</summary>
internal sealed class RestartBenchmark(AgentProcess agent, string folder)
{
    private const double GoalMilliseconds = 30;

    public async Task<bool> RunAsync(int rounds)
    {
        using var stamps = new StampReader(folder + "/restart");
        var restart = new Samples("podagent, exit -> first instruction of the next run");
        for (int round = 0; round < rounds; round++)
        {
            string name = "restart-" + round;
            agent.Apply(name + ".yaml", StampPod.Yaml(name, folder + "/restart", 1));
            stamps.Next();
            int pid = FindStampProcess();
            long from = StampReader.Now;
            Process.GetProcessById(pid).Kill();
            restart.Add(stamps.Next() - from);
            agent.Delete(name + ".yaml");
            await StampPod.WaitGoneAsync(agent, name);
        }

        Console.WriteLine(restart);
        bool good = restart.Percentile(0.5) <= GoalMilliseconds;
        Console.WriteLine($"{(good ? "met" : "MISSED")}: restart p50 {restart.Percentile(0.5):F2} ms, goal at most {GoalMilliseconds:F0} ms");
        return good;
    }

    /// <summary>The one process on this machine that runs the parked program under this agent's shims.</summary>
    private int FindStampProcess()
    {
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(path[6])))
        {
            try
            {
                // mountinfo shows the mounted folder below its file system's root, so only the end of its path is sure.
                if (File.ReadAllText(process + "/cmdline") == "/stamp\0park\0"
                    && File.ReadAllText(process + "/mountinfo").Contains(Path.GetFileName(folder) + "/restart", StringComparison.Ordinal))
                    return int.Parse(Path.GetFileName(process));
            }
            catch (IOException)
            {
                // The process ended while it was looked at.
            }
        }

        throw new InvalidOperationException("the container's process was not found\n" + agent.Log);
    }
}
