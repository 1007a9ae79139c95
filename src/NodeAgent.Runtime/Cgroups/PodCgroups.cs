using System.Globalization;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// The cgroups of pods, made by a driver, and what lies in them. Processes live in leaves only, as the kernel demands once a controller is handed down.
/// <code>
/// {pod}/               the driver's
///   shim/              the process that holds the sandbox
///   {container id}/    one run of a container, and what is executed in it
/// </code>
/// Without a controller its files are not written and <see cref="Missing"/> names it: tracking, freezing and killing work regardless.
/// Called by the sandbox and container sequences. Owns the driver.
/// </summary>
public sealed class PodCgroups(ICgroupDriver driver, CgroupSettings settings) : IDisposable
{
    /// <summary>The controllers that a pod's limits need; the last one only where huge pages are asked for.</summary>
    public static readonly IReadOnlyList<string> Wanted = ["cpu", "memory", "pids", HugePages];

    internal const string HugePages = "hugetlb";
    internal const string MemoryEvents = "memory.events";
    private const string ShimLeaf = "shim";

    public ICgroupDriver Driver => driver;

    public CgroupSettings Settings => settings;

    /// <summary>Of <see cref="Wanted"/>, those that this machine or its owner does not hand to us. Huge pages are rare: who asks for them is told, nobody else.</summary>
    public IReadOnlyList<string> Missing => [.. Wanted.Where(controller => controller != HugePages && !driver.Enabled.Contains(controller))];

    /// <summary>What of a pod's resources nobody enforces on this node.</summary>
    public IReadOnlyList<string> MissingFor(Pod pod) =>
        [.. CgroupValues.ControllersAskedFor(pod, settings).Where(controller => !driver.Enabled.Contains(controller))];

    public static string ShimPath(string pod) => $"{pod}/{ShimLeaf}";

    public static string ContainerPath(string pod, ContainerId id) => $"{pod}/{id}";

    public string CreateContainer(string podPath, ContainerId id, Pod pod, ResourceRequirements? resources)
    {
        string path = ContainerPath(podPath, id);
        Cgroupfs.Create(path);
        WriteAll(path, CgroupValues.ForContainer(pod, resources, settings).Writes(), driver.Enabled);
        return path;
    }

    public void UpdateContainer(string path, CgroupValues values) => WriteAll(path, values.Updates(), driver.Enabled);

    /// <summary>Bytes that a cgroup uses now; null when the memory controller is missing.</summary>
    public static long? MemoryUsage(string path) =>
        long.TryParse(Cgroupfs.Read(path, "memory.current"), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;

    /// <summary>
    /// How many processes of a cgroup and those below it the kernel has killed for want of memory, whoever's limit was reached: a kill counts where its victim was.
    /// 0 without the memory controller. Source: the kernel's cgroup-v2.rst, <c>memory.events</c>.
    /// </summary>
    public static long OomKills(string path) => Math.Max(
        Cgroupfs.ReadKey(path, MemoryEvents, "oom_kill") ?? 0,
        // Linux 5.17.
        Cgroupfs.ReadKey(path, MemoryEvents, "oom_group_kill") ?? 0);

    /// <summary>Kills what is left in a container's or pod's and removes it. Throws <see cref="TimeoutException"/> when a process does not die.</summary>
    public async ValueTask RemoveAsync(string cgroup, TimeSpan timeout, TimeProvider time)
    {
        if (Directory.Exists(cgroup))
        {
            if (Cgroupfs.IsPopulated(cgroup))
            {
                Cgroupfs.Kill(cgroup);
                if (!await Task.Run(() => Cgroupfs.WaitUntilEmpty(cgroup, timeout, time)))
                    throw new TimeoutException($"cgroup {cgroup}: processes {string.Join(' ', AllProcesses(cgroup))} did not die within {timeout.TotalSeconds} s of SIGKILL");
            }
            Cgroupfs.Remove(cgroup);
        }
        driver.Forget(cgroup);
    }

    public void Dispose() => driver.Dispose();

    internal static void WriteAll(string cgroup, IEnumerable<CgroupWrite> writes, IReadOnlySet<string> enabled)
    {
        foreach (CgroupWrite write in writes)
        {
            if (!enabled.Contains(write.Controller)) continue;
            try
            {
                Cgroupfs.Write(cgroup, write.File, write.Value);
            }
            catch (FileNotFoundException) when (write.Optional)
            {
                // This kernel has nothing of the kind to limit.
            }
        }
    }

    /// <summary>Enables for the children of a level what the level itself has. What can't be enabled stays missing and is reported, not fatal.</summary>
    internal static void HandDown(string level) => HandDown(level, Wanted);

    internal static void HandDown(string level, IEnumerable<string> controllers)
    {
        string[] enabled = Cgroupfs.ReadWords(level, Cgroupfs.SubtreeControl);
        foreach (string controller in controllers.Intersect(Cgroupfs.ReadWords(level, Cgroupfs.Controllers)).Except(enabled))
        {
            try
            {
                Cgroupfs.Write(level, Cgroupfs.SubtreeControl, "+" + controller);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // EBUSY: processes sit in this level (no-internal-process rule); EROFS, EACCES: it belongs to somebody else.
            }
        }
    }

    private static IEnumerable<int> AllProcesses(string cgroup) =>
        Cgroupfs.Processes(cgroup).Concat(Directory.GetDirectories(cgroup).SelectMany(AllProcesses));
}
