using System.Globalization;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>Who a slot's process was: a process is a pid and a start time.</summary>
/// <param name="ClonedAfter">CLOCK_BOOTTIME nanoseconds; the start time lies between these two.</param>
public sealed record ShimStartRecord(int Pid, long ClonedAfter, long ExecutedBefore, DateTimeOffset StartedAt)
{
    /// <summary>Whether a process with that pid is the one recorded.</summary>
    /// <param name="startTicks">Field 22 of /proc/pid/stat: clock ticks since boot.</param>
    /// <param name="ticksPerSecond">sysconf(_SC_CLK_TCK): 100 on both architectures.</param>
    public bool Matches(ulong startTicks, long ticksPerSecond = 100)
    {
        long tick = 1_000_000_000 / ticksPerSecond;
        return (long)startTicks >= ClonedAfter / tick && (long)startTicks <= ExecutedBefore / tick;
    }
}

public sealed record ShimExitRecord(int WaitStatus, DateTimeOffset ExitedAt, int Pid);

/// <summary>What a shim left of one slot.</summary>
/// <param name="Exit">Null: the process lived when the shim died, or still lives.</param>
public sealed record ShimSlotRecord(uint Slot, ShimStartRecord? Start, ShimExitRecord? Exit);

/// <summary>Reads the files that a shim writes into the pod's record directory; see Records.cs of the shim for their form.</summary>
public static class ShimRecords
{
    /// <summary>One entry a slot, in the slots' order. Files that are not records are passed over.</summary>
    public static IReadOnlyList<ShimSlotRecord> Read(string recordDirectory)
    {
        SortedDictionary<uint, ShimSlotRecord> records = [];
        foreach (string file in Directory.EnumerateFiles(recordDirectory))
        {
            string kind = Path.GetExtension(file);
            if (kind is not (".p" or ".s") || !uint.TryParse(Path.GetFileNameWithoutExtension(file), NumberStyles.None, CultureInfo.InvariantCulture, out uint slot))
                continue;
            long[]? numbers = ReadNumbers(file);
            ShimSlotRecord record = records.GetValueOrDefault(slot) ?? new ShimSlotRecord(slot, null, null);
            records[slot] = (kind, numbers) switch
            {
                (".p", [long pid, long after, long before, long at]) => record with { Start = new ShimStartRecord((int)pid, after, before, Time(at)) },
                (".s", [long status, long at, long pid]) => record with { Exit = new ShimExitRecord((int)status, Time(at), (int)pid) },
                _ => record,
            };
        }

        return [.. records.Values.Where(record => record.Start is not null || record.Exit is not null)];
    }

    internal static DateTimeOffset Time(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);

    private static long[]? ReadNumbers(string file)
    {
        try
        {
            string[] fields = File.ReadAllText(file).TrimEnd('\n').Split(' ');
            return [.. fields.Select(field => long.Parse(field, NumberStyles.None, CultureInfo.InvariantCulture))];
        }
        catch (FormatException)
        {
            return null;
        }
        catch (FileNotFoundException)
        {
            // Forgotten meanwhile.
            return null;
        }
    }
}
