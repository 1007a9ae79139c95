using System.Globalization;
using System.Text;

namespace NodeAgent.Linux;

/// <summary>
/// A process that can be told from a later one with the same number: pids are used again, a (pid, start time) pair is not.
/// </summary>
/// <param name="StartTime">Clock ticks after boot, field 22 of <c>/proc/pid/stat</c>.</param>
public readonly record struct ProcessIdentity(int Pid, ulong StartTime)
{
    /// <summary>Whether this very process still runs; a zombie does not.</summary>
    public bool IsAlive(string proc = "/proc") =>
        Pid > 0 && Procfs.Stat(Pid, proc) is { } stat && stat.StartTime == StartTime && stat.State is not ('Z' or 'X');
}

/// <summary>State as in proc_pid_stat(5): R, S, D, T, Z, X…</summary>
public readonly record struct ProcessStat(int Pid, string Name, char State, int ParentPid, ulong StartTime);

/// <summary>Reads <c>/proc</c>. What is gone by the time it is read is null, not an error.</summary>
public static class Procfs
{
    public static ProcessStat? Stat(int pid, string proc = "/proc")
    {
        Span<byte> buffer = stackalloc byte[1024];
        int length = ReadSmall($"{proc}/{pid.ToString(CultureInfo.InvariantCulture)}/stat", buffer);
        return length > 0 ? ParseStat(buffer[..length]) : null;
    }

    /// <summary>The identity of a running process, or null when there is none with this pid.</summary>
    public static ProcessIdentity? Identify(int pid, string proc = "/proc") =>
        Stat(pid, proc) is { } stat ? new ProcessIdentity(pid, stat.StartTime) : null;

    /// <summary>The name stands in parentheses and may hold any byte, a closing parenthesis included: the fields start after the last one.</summary>
    internal static ProcessStat? ParseStat(ReadOnlySpan<byte> stat)
    {
        int open = stat.IndexOf((byte)'(');
        int close = stat.LastIndexOf((byte)')');
        if (open < 1 || close < open) return null;
        if (!int.TryParse(stat[..open].TrimEnd((byte)' '), CultureInfo.InvariantCulture, out int pid)) return null;

        string[] fields = Encoding.ASCII.GetString(stat[(close + 1)..]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const int state = 0, parent = 1, startTime = 19;
        if (fields.Length <= startTime
            || !int.TryParse(fields[parent], CultureInfo.InvariantCulture, out int parentPid)
            || !ulong.TryParse(fields[startTime], CultureInfo.InvariantCulture, out ulong start))
            return null;
        return new ProcessStat(pid, Encoding.UTF8.GetString(stat[(open + 1)..close]), fields[state][0], parentPid, start);
    }

    /// <summary>The lines of <c>meminfo</c>, in bytes (those about huge pages count pages); empty when it can't be read.</summary>
    public static IReadOnlyDictionary<string, long> Meminfo(string proc = "/proc")
    {
        var values = new Dictionary<string, long>(StringComparer.Ordinal);
        try
        {
            foreach (string line in File.ReadLines(proc + "/meminfo"))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon < 0) continue;
                ReadOnlySpan<char> rest = line.AsSpan(colon + 1).Trim();
                bool kibibytes = rest.EndsWith(" kB", StringComparison.Ordinal);
                if (long.TryParse(kibibytes ? rest[..^3] : rest, CultureInfo.InvariantCulture, out long value)) values[line[..colon]] = kibibytes ? value * 1024 : value;
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Another root for proc (a test's) need not have the file.
        }
        return values;
    }

    /// <summary>How many processes and threads there are, and how many the kernel would number (<c>pid_max</c>, <c>threads-max</c>); null when it can't be read.</summary>
    public static (long Tasks, long Limit)? Tasks(string proc = "/proc")
    {
        try
        {
            // "0.15 0.09 0.07 1/340 12345": running and existing tasks, see proc_loadavg(5).
            string counts = File.ReadAllText(proc + "/loadavg").Split(' ')[3];
            long tasks = long.Parse(counts.AsSpan(counts.IndexOf('/', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
            long pids = long.Parse(File.ReadAllText(proc + "/sys/kernel/pid_max").Trim(), CultureInfo.InvariantCulture);
            long threads = long.Parse(File.ReadAllText(proc + "/sys/kernel/threads-max").Trim(), CultureInfo.InvariantCulture);
            return (tasks, Math.Min(pids, threads));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or FormatException or OverflowException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>The process's cgroup in the v2 tree as <c>/proc/pid/cgroup</c> names it (<c>/podagent/…</c>), or null when it is gone.</summary>
    public static string? CgroupOf(int pid, string proc = "/proc")
    {
        try
        {
            const string v2 = "0::";
            foreach (string line in File.ReadLines($"{proc}/{pid.ToString(CultureInfo.InvariantCulture)}/cgroup"))
            {
                if (line.StartsWith(v2, StringComparison.Ordinal)) return line[v2.Length..];
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile.
        }
        return null;
    }

    /// <summary>Bytes of memory that a process has resident (field 2 of <c>statm</c>), 0 when it is gone.</summary>
    public static long ResidentBytes(int pid, string proc = "/proc")
    {
        Span<byte> buffer = stackalloc byte[128];
        int length = ReadSmall($"{proc}/{pid.ToString(CultureInfo.InvariantCulture)}/statm", buffer);
        if (length <= 0) return 0;
        string[] fields = Encoding.ASCII.GetString(buffer[..length]).Split(' ');
        return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out long pages) ? pages * Environment.SystemPageSize : 0;
    }

    /// <summary>Bytes of memory of the node (<c>MemTotal</c>), or 0 when it can't be read.</summary>
    public static long MemoryTotal(string proc = "/proc") => Meminfo(proc).GetValueOrDefault("MemTotal");

    /// <summary>Bytes of swap of the node (<c>SwapTotal</c>), or 0 when it can't be read.</summary>
    public static long SwapTotal(string proc = "/proc") => Meminfo(proc).GetValueOrDefault("SwapTotal");

    /// <summary>
    /// How many processors of the node are online, as <c>/sys/devices/system/cpu/online</c> lists them (<c>0-3,6</c>). Not how many this process may use: its
    /// affinity and its own cgroup say nothing about the pods'.
    /// </summary>
    public static int OnlineProcessors(string sys = "/sys")
    {
        try
        {
            return File.ReadAllText(sys + "/devices/system/cpu/online").Trim().Split(',').Sum(CountOf);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return Environment.ProcessorCount;
        }

        static int CountOf(string range)
        {
            string[] ends = range.Split('-');
            return int.Parse(ends[^1], CultureInfo.InvariantCulture) - int.Parse(ends[0], CultureInfo.InvariantCulture) + 1;
        }
    }

    /// <summary>What this process may do at most, one bit each (<c>CapPrm</c>), see capabilities(7).</summary>
    public static ulong PermittedCapabilities(string proc = "/proc")
    {
        const string key = "CapPrm:";
        string line = File.ReadLines(proc + "/self/status").First(text => text.StartsWith(key, StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>How many files this process may open at most (the hard RLIMIT_NOFILE); null for no limit, see proc_pid_limits(5).</summary>
    public static ulong? OpenFilesLimit(string proc = "/proc")
    {
        const string name = "Max open files";
        string line = File.ReadLines(proc + "/self/limits").First(text => text.StartsWith(name, StringComparison.Ordinal));
        string hard = line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return ulong.TryParse(hard, NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit) ? limit : null;
    }

    /// <summary>Reads a file of at most the buffer's size; -1 when it can't be had. The process may end between open and read (ESRCH).</summary>
    private static int ReadSmall(string path, Span<byte> buffer)
    {
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path);
            return RandomAccess.Read(handle, buffer, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return -1;
        }
    }
}
