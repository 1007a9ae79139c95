using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>
/// The files of a cgroup v2 folder. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst. A folder that is gone counts as empty and killed.
/// </summary>
public static class Cgroupfs
{
    public const string Controllers = "cgroup.controllers";
    public const string SubtreeControl = "cgroup.subtree_control";

    /// <summary>mkdir; there already is fine.</summary>
    public static void Create(string cgroup) => Directory.CreateDirectory(cgroup);

    /// <summary>A descriptor for CLONE_INTO_CGROUP (Linux 5.7) and for paths below.</summary>
    public static SafeFileHandle OpenFolder(string cgroup) =>
        new(Openat2.OpenPath(cgroup, Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);

    public static void Write(string cgroup, string file, string value)
    {
        // The files exist or they don't: creating is the kernel's business, and truncating means nothing.
        using SafeFileHandle handle = File.OpenHandle($"{cgroup}/{file}", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(handle, System.Text.Encoding.ASCII.GetBytes(value), 0);
    }

    /// <summary>The content without its last newline, or null when there is no such file.</summary>
    public static string? Read(string cgroup, string file)
    {
        try
        {
            return File.ReadAllText($"{cgroup}/{file}").TrimEnd('\n');
        }
        catch (Exception e) when (IsGone(e))
        {
            return null;
        }
    }

    /// <summary>One value of a flat-keyed file, e.g. <c>oom_kill</c> of <c>memory.events</c>; null when the file or the key is missing.</summary>
    public static long? ReadKey(string cgroup, string file, string key)
    {
        foreach (string line in Read(cgroup, file)?.Split('\n') ?? [])
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && line.AsSpan(0, space).SequenceEqual(key)
                && long.TryParse(line.AsSpan(space + 1), NumberStyles.Integer, CultureInfo.InvariantCulture, out long value))
                return value;
        }
        return null;
    }

    /// <summary>The words of a space-separated file.</summary>
    public static string[] ReadWords(string cgroup, string file) =>
        Read(cgroup, file)?.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Pids in this very cgroup, not in those below.</summary>
    public static IReadOnlyList<int> Processes(string cgroup) =>
        [.. ReadWords(cgroup, "cgroup.procs").Select(word => int.Parse(word, CultureInfo.InvariantCulture))];

    /// <summary>Moves a process in. ESRCH (it is gone) comes as an <see cref="IOException"/>.</summary>
    public static void Attach(string cgroup, int pid) => Write(cgroup, "cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>SIGKILL to every process here and below, those that fork at this moment included (Linux 5.14).</summary>
    public static void Kill(string cgroup)
    {
        try
        {
            Write(cgroup, "cgroup.kill", "1");
        }
        catch (Exception e) when (IsGone(e))
        {
            // Nothing there to kill.
        }
    }

    /// <summary>Whether a live process is here or below; zombies do not count.</summary>
    public static bool IsPopulated(string cgroup) => ReadKey(cgroup, "cgroup.events", "populated") == 1;

    /// <summary>Blocks until no live process is left here or below, woken by the kernel. False when the time is over first.</summary>
    public static bool WaitUntilEmpty(string cgroup, TimeSpan timeout, TimeProvider time)
    {
        long start = time.GetTimestamp();
        SafeFileHandle events;
        try
        {
            events = File.OpenHandle($"{cgroup}/cgroup.events", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (IsGone(e))
        {
            return true;
        }
        using (events)
        {
            Span<byte> text = stackalloc byte[64];
            while (IsPopulated(cgroup))
            {
                TimeSpan left = timeout - time.GetElapsedTime(start);
                if (left <= TimeSpan.Zero) return false;
                // POLLPRI fires when the file has changed since it was last read through this descriptor; a read re-arms it.
                RandomAccess.Read(events, text, 0);
                if (!IsPopulated(cgroup)) return true;
                Poll.Wait(events, Poll.POLLPRI, left);
            }
        }
        return true;
    }

    /// <summary>rmdir of this cgroup and those below it. Throws <see cref="IOException"/> (EBUSY) while a process lives in one of them.</summary>
    public static void Remove(string cgroup)
    {
        try
        {
            foreach (string child in Directory.GetDirectories(cgroup)) Remove(child);
            Directory.Delete(cgroup);
        }
        catch (DirectoryNotFoundException)
        {
            // Gone already.
        }
    }

    // ENODEV is how an open file of a removed cgroup answers.
    private static bool IsGone(Exception e) =>
        e is FileNotFoundException or DirectoryNotFoundException || (e is IOException && e.HResult == Errno.ENODEV);
}
