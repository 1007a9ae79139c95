using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>What probes cost the agent, and how well they keep their beat as the probed servers see it.</summary>
internal sealed class ProbeBenchmark(AgentProcess agent)
{
    private const int ContainersPerPod = 5;
    private const double ProcessorGoal = 0.15, JitterGoalMilliseconds = 100, ExecGoalMilliseconds = 3;

    // USER_HZ, on every architecture that .NET runs on.
    private const int TicksPerSecond = 100;

    private const string HttpProbes = """
        livenessProbe: {periodSeconds: 1, httpGet: {path: /live, port: PORT}}
        readinessProbe: {periodSeconds: 1, httpGet: {path: /ready, port: PORT}}
        """;

    private const string ExecProbe = "livenessProbe: {periodSeconds: 1, exec: {command: [/server]}}";

    private readonly string _out = agent.Root + "/out";

    public async Task<bool> RunHttpAsync(int pods, int seconds)
    {
        using AgentApi api = await StartAsync(pods, ContainersPerPod, HttpProbes);
        // The first beats come together with the start of everything else.
        await Task.Delay(TimeSpan.FromSeconds(3));
        long from = Stopwatch.GetTimestamp();
        double before = Processor(agent.Pid);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        double used = Processor(agent.Pid) - before, passed = Stopwatch.GetElapsedTime(from).TotalSeconds;
        List<double> late = [];
        int probes = 0;
        foreach (string file in Directory.EnumerateFiles(_out))
        {
            foreach (IGrouping<byte, ulong> series in Stamps(file).Where(stamp => stamp >= (ulong)from && stamp < (ulong)Stopwatch.GetTimestamp()).GroupBy(stamp => (byte)stamp))
            {
                probes += series.Count();
                late.AddRange(Lateness([.. series.Order()]));
            }
        }
        late.Sort();
        double jitter = late[(int)(late.Count * 0.99)], share = used / passed;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"http probes: {probes / passed:F0} a second to {pods} pods of {ContainersPerPod} containers; agent {share:P1} of one processor, {used / probes * 1e6:F0} us a probe; late by p50 {late[late.Count / 2]:F2} ms, p99 {jitter:F2} ms, at most {late[^1]:F1} ms"));
        await EndAsync(pods);
        bool good = share < ProcessorGoal && jitter < JitterGoalMilliseconds && probes / passed > pods * ContainersPerPod * 2 * 0.99;
        Console.WriteLine($"{(good ? "met" : "MISSED")}: less than {ProcessorGoal:P0} of one processor, p99 less than {JitterGoalMilliseconds} ms, none left out");
        return good;
    }

    /// <summary>The processor time of agent and shims, the command itself included, which does nothing; beside the same with crun and podman.</summary>
    public async Task<bool> RunExecAsync(int pods, int seconds, string bundle)
    {
        using AgentApi api = await StartAsync(pods, 1, ExecProbe);
        await Task.Delay(TimeSpan.FromSeconds(2));
        int[] shims = [.. Shims()];
        double before = Processor(agent.Pid) + shims.Sum(ProcessorWithChildren);
        long from = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        double probes = Stopwatch.GetElapsedTime(from).TotalSeconds * pods;
        double used = (Processor(agent.Pid) + shims.Sum(ProcessorWithChildren) - before) / probes * 1000;
        await EndAsync(pods);
        ExecPeers peers = new(bundle);
        double crun = await peers.CrunAsync(), podman = await peers.PodmanAsync();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"exec probes: {used:F2} ms of processor time each, command included; crun exec {crun:F2} ms, podman exec {podman:F2} ms"));
        bool good = used < ExecGoalMilliseconds;
        Console.WriteLine($"{(good ? "met" : "MISSED")}: at most {ExecGoalMilliseconds} ms");
        return good;
    }

    private async Task<AgentApi> StartAsync(int pods, int containers, string probes)
    {
        Directory.CreateDirectory(_out);
        for (int pod = 0; pod < pods; pod++)
            agent.Apply($"probed-{pod}.yaml", ProbedServer.Pod($"probed-{pod}", _out, containers, probes));
        AgentApi api = new(agent.ApiSocket);
        for (int pod = 0; pod < pods; pod++)
            await api.WaitForPodAsync($"probed-{pod}", found => found.IsReady(), "ready");
        return api;
    }

    private async Task EndAsync(int pods)
    {
        for (int pod = 0; pod < pods; pod++)
            agent.Delete($"probed-{pod}.yaml");
        for (int pod = 0; pod < pods; pod++)
            await StampPod.WaitGoneAsync(agent, $"probed-{pod}");
        Directory.Delete(_out, recursive: true);
    }

    private static IEnumerable<ulong> Stamps(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        for (int at = 0; at + sizeof(ulong) <= content.Length; at += sizeof(ulong))
            yield return BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(at));
    }

    /// <summary>How long after its beat each request came, in milliseconds: the beat is that of the one that came earliest for its second.</summary>
    private static IEnumerable<double> Lateness(ulong[] stamps)
    {
        const double Second = 1e9;
        double[] phases = [.. stamps.Select(stamp => stamp - stamps[0] - Math.Round((stamp - stamps[0]) / Second) * Second)];
        double beat = phases.Min();
        return phases.Select(phase => (phase - beat) / 1e6);
    }

    private IEnumerable<int> Shims() =>
        from process in Directory.EnumerateDirectories("/proc")
        let name = Path.GetFileName(process)
        where int.TryParse(name, out _) && Stat(name) is { } stat && stat.Name.StartsWith("podagent-shim", StringComparison.Ordinal) && stat.Fields[1] == $"{agent.Pid}"
        select int.Parse(name, CultureInfo.InvariantCulture);

    private static (string Name, string[] Fields)? Stat(string pid)
    {
        try
        {
            string text = File.ReadAllText($"/proc/{pid}/stat");
            int open = text.IndexOf('(', StringComparison.Ordinal), close = text.LastIndexOf(')');
            return (text[(open + 1)..close], text[(close + 2)..].Split(' '));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Seconds, of user and system together: proc_pid_stat(5), fields 14 and 15.</summary>
    private double Processor(int pid) => Sum(pid, 11, 12);

    /// <summary>With the children it has waited for: fields 16 and 17 too.</summary>
    private double ProcessorWithChildren(int pid) => Sum(pid, 11, 12, 13, 14);

    private double Sum(int pid, params int[] fields) =>
        Stat(pid.ToString(CultureInfo.InvariantCulture)) is { } stat ? fields.Sum(field => double.Parse(stat.Fields[field], CultureInfo.InvariantCulture)) / TicksPerSecond : 0;
}
