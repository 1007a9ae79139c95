using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups.Systemd;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>Makes the driver that was chosen, with what this machine has.</summary>
internal static class CgroupDrivers
{
    /// <summary>A busy machine's service manager may take its time, and asking it again only makes it busier.</summary>
    private static readonly TimeSpan SystemdLimit = TimeSpan.FromSeconds(60);

    private const string HugePageFolders = "/sys/kernel/mm/hugepages";

    public static PodCgroups Open(StatePaths paths, string mount, PodRuntimeOptions options, TimeProvider time, ILogger logger)
    {
        CgroupSettings settings = OnThisMachine(options.Cgroups, paths.Proc, options.Allocatable.MemoryBytes);
        ICgroupDriver driver = options.CgroupDriver == CgroupDriverKind.Systemd
            ? new SystemdDriver(paths.Cgroup, mount, new SystemdBus(time, SystemdLimit), settings, SystemdDriver.AgentUnit(paths.Proc), logger)
            : CgroupfsDriver.Open(paths.Cgroup, mount, settings);
        return new PodCgroups(driver, settings);
    }

    private static CgroupSettings OnThisMachine(CgroupSettings configured, string proc, long allocatableMemory) => configured with
    {
        MemoryBytes = Procfs.MemoryTotal(proc),
        SwapBytes = Procfs.SwapTotal(proc),
        AllocatableMemoryBytes = allocatableMemory,
        PageSize = Environment.SystemPageSize,
        HugePageSizes = Directory.Exists(HugePageFolders)
            ? [.. Directory.EnumerateDirectories(HugePageFolders).Select(folder => HugePageSize.OfSysfs(Path.GetFileName(folder))).OfType<long>().Order()]
            : [],
    };
}
