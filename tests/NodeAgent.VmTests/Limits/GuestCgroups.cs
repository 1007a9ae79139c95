using System.Globalization;
using NodeAgent.Core.Resources;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Limits;

/// <summary>The cgroups of pods in the machine, as their files tell.</summary>
internal sealed class GuestCgroups(VirtualMachine machine)
{
    /// <summary>Of the container, by the id that its status shows (<c>podagent://…</c>).</summary>
    public Task<string> OfContainerAsync(string containerId) => FindAsync(containerId[(containerId.LastIndexOf('/') + 1)..]);

    public Task<string> OfPodAsync(string uid) => FindAsync($"*pod{uid}*");

    public async Task<string> ReadAsync(string cgroup, string file) => await machine.OutputAsync($"cat {cgroup}/{file}");

    /// <summary>The values that a set of writes leaves behind, file by file.</summary>
    public async Task AssertAsync(string cgroup, CgroupValues values)
    {
        foreach (CgroupWrite write in values.Updates().Concat(values.Writes()).DistinctBy(write => write.File))
            Assert.Equal((write.File, write.Value), (write.File, await ReadAsync(cgroup, write.File)));
    }

    /// <summary>
    /// How many processors each cgroup used on average, over some seconds of the guest's own clock. Clock and counters are read by one script each time, which starts
    /// no program: between two commands, or two programs, a busy machine may lose seconds.
    /// </summary>
    public async Task<double[]> ProcessorsAsync(int seconds, params string[] cgroups)
    {
        // The first line is "usage_usec N".
        string read = string.Join("; ", cgroups.Select(cgroup => $"read -r name used < {cgroup}/cpu.stat; read -r uptime idle < /proc/uptime; echo $uptime $used"));
        string[] lines = (await machine.OutputAsync($"{read}; sleep {seconds}; {read}")).Split('\n');
        return [.. cgroups.Select((_, i) => Between(lines[i], lines[i + cgroups.Length]))];
    }

    private async Task<string> FindAsync(string name)
    {
        string found = await machine.OutputAsync($"find /sys/fs/cgroup -type d -name '{name}'");
        return found.Length > 0 && !found.Contains('\n', StringComparison.Ordinal) ? found : throw new InvalidOperationException($"cgroups named {name}: {found}");
    }

    private static double Between(string before, string after)
    {
        decimal[] from = Numbers(before), to = Numbers(after);
        return (double)((to[1] - from[1]) / 1_000_000 / (to[0] - from[0]));
    }

    private static decimal[] Numbers(string line) => [.. line.Split(' ').Select(word => decimal.Parse(word, CultureInfo.InvariantCulture))];
}
