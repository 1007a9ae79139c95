using System.Diagnostics;
using System.Globalization;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>A pull that was measured.</summary>
/// <param name="Wall">Seconds.</param>
/// <param name="Cpu">Seconds of all processes that worked for it, in steps of a hundredth.</param>
/// <param name="PeakKilobytes">Largest resident size of the daemon; null where there is none.</param>
internal sealed record PullSample(double Wall, double Cpu, long? PeakKilobytes);

/// <summary>Somebody who brings an image from a registry to a disk, unpacked.</summary>
internal interface IPuller
{
    string Name { get; }

    /// <summary>What has to be on the path.</summary>
    IReadOnlyList<string> Programs { get; }

    /// <summary>Makes everything ready in an empty folder; not measured.</summary>
    Task StartAsync(string root);

    /// <summary>Pulls and unpacks.</summary>
    Task<PullSample> PullAsync(string reference);

    /// <summary>Ends what <see cref="StartAsync"/> has started; the folder is deleted by the caller.</summary>
    Task StopAsync();
}

/// <summary>Clocks around commands and the daemons that they work with. See proc_pid_stat(5).</summary>
internal static class PullClock
{
    /// <param name="daemon">A process that works for the commands, with its children; or null.</param>
    public static async Task<PullSample> MeasureAsync(int? daemon, params string[][] commands)
    {
        double before = CpuSeconds(daemon);
        long start = Stopwatch.GetTimestamp();
        foreach (string[] command in commands)
            (await CommandResult.RunAsync(command[0], command[1..])).Checked();
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new PullSample(wall, CpuSeconds(daemon) - before, daemon is { } pid ? PeakKilobytes(pid) : null);
    }

    /// <summary>Of this process's ended children, and of a daemon that is still there with its own.</summary>
    private static double CpuSeconds(int? daemon) => Ticks("self", 13, 14) + (daemon is { } pid ? Ticks(pid.ToString(CultureInfo.InvariantCulture), 11, 14) : 0);

    private static double Ticks(string process, int first, int last)
    {
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[first..(last + 1)].Sum(field => long.Parse(field, CultureInfo.InvariantCulture)) / 100.0;
    }

    private static long PeakKilobytes(int pid) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        CultureInfo.InvariantCulture);
}
