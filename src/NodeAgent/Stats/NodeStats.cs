using System.Globalization;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Pods;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Stats;

/// <summary>
/// Measures the node and its pods: proc(5), the cgroup files, statfs(2), and walks over folders.
/// </summary>
/// <remarks>
/// <para>
/// Memory that is available, as a kubelet on cgroup v2 counts it: the capacity minus the working set of the root cgroup, which is anonymous memory and file
/// pages minus the inactive file pages. That leaves out what the kernel itself holds (slab, page tables, stacks), so on a small machine it can still promise memory
/// when the kernel is about to kill; where the kernel's own estimate (MemAvailable) is lower, that one counts.
/// </para>
/// <para>Where no memory controller is, a container's memory is what its processes have resident.</para>
/// </remarks>
/// <param name="cgroupMount">Where the cgroup v2 tree is mounted; null when it is not.</param>
/// <param name="writableFolder">The folder that holds what a container has written into its root file system, by container id.</param>
internal sealed class NodeStats(StatePaths paths, string? cgroupMount, Func<string, string> writableFolder) : INodeStats
{
    private readonly PodVolumes _volumes = new(paths);
    private readonly Lazy<bool> _dedicatedImageFs = new(() => DeviceOf(paths.Root) != DeviceOf(paths.Snapshots));

    public NodeReadings ReadNode()
    {
        var signals = new Dictionary<EvictionSignal, SignalReading>();
        IReadOnlyDictionary<string, long> memory = Procfs.Meminfo(paths.Proc);
        if (memory.TryGetValue("MemTotal", out long total))
            signals[EvictionSignal.MemoryAvailable] = new SignalReading(MemoryAvailable(memory, total), total);
        if (PodsMemory() is { } pods)
            signals[EvictionSignal.AllocatableMemoryAvailable] = pods;
        AddFileSystem(signals, paths.Root, EvictionSignal.NodeFsAvailable, EvictionSignal.NodeFsInodesFree);
        AddFileSystem(signals, paths.Snapshots, EvictionSignal.ImageFsAvailable, EvictionSignal.ImageFsInodesFree);
        if (Procfs.Tasks(paths.Proc) is var (tasks, limit))
            signals[EvictionSignal.PidAvailable] = new SignalReading(limit - tasks, limit);
        return new NodeReadings(signals, _dedicatedImageFs.Value);
    }

    public Task<IReadOnlyList<PodUsage>> ReadPodsAsync(IReadOnlyList<PodRuntimeState> pods, UsageKinds kinds, CancellationToken cancellationToken)
    {
        if (!kinds.HasFlag(UsageKinds.Disk))
            return Task.FromResult(ReadPods(pods, kinds, cancellationToken));
        return Task.Run(() => ReadPods(pods, kinds, cancellationToken), cancellationToken);
    }

    internal static long MemoryAvailable(IReadOnlyDictionary<string, long> meminfo, long total)
    {
        long workingSet = Of("AnonPages") + Of("Cached") + Of("Buffers") + Of("SwapCached") - Of("Inactive(file)");
        long available = Math.Max(0, total - Math.Max(0, workingSet));
        return meminfo.TryGetValue("MemAvailable", out long kernels) ? Math.Min(available, kernels) : available;

        long Of(string key) => meminfo.GetValueOrDefault(key);
    }

    private IReadOnlyList<PodUsage> ReadPods(IReadOnlyList<PodRuntimeState> pods, UsageKinds kinds, CancellationToken cancellation)
    {
        List<PodUsage> usages = [];
        foreach (PodRuntimeState pod in pods)
        {
            cancellation.ThrowIfCancellationRequested();
            ContainerUsage[] containers =
                [.. pod.Containers.Where(run => run is { State: ContainerRunState.Running, Pid: > 0 }).Select(run => Usage(pod, run, kinds, cancellation))];
            if (containers.Length > 0)
                usages.Add(new PodUsage(pod.Uid, pod.Pod, containers, kinds.HasFlag(UsageKinds.Disk) ? Volumes(pod, cancellation) : new Dictionary<string, DiskUsage>()));
        }

        return usages;
    }

    private ContainerUsage Usage(PodRuntimeState pod, ContainerRun run, UsageKinds kinds, CancellationToken cancellation)
    {
        string? cgroup = (kinds & (UsageKinds.Memory | UsageKinds.Processes)) != UsageKinds.None && cgroupMount is not null && Procfs.CgroupOf(run.Pid, paths.Proc) is { } path
            ? cgroupMount + path : null;
        bool disk = kinds.HasFlag(UsageKinds.Disk);
        return new ContainerUsage(
            run.Name,
            kinds.HasFlag(UsageKinds.Memory) && cgroup is not null ? WorkingSet(cgroup) ?? Resident(cgroup) : null,
            kinds.HasFlag(UsageKinds.Processes) && cgroup is not null ? Number(cgroup, "pids.current") ?? Processes(cgroup).Count : null,
            disk ? Walk(writableFolder(run.Id.Value), cancellation) : null,
            disk ? Walk($"{paths.PodLogs(pod.Pod, pod.Uid.Value)}/{run.Name}", cancellation) : null);
    }

    private Dictionary<string, DiskUsage> Volumes(PodRuntimeState pod, CancellationToken cancellation)
    {
        var usages = new Dictionary<string, DiskUsage>(StringComparer.Ordinal);
        foreach (Volume volume in pod.Pod.Spec?.Volumes ?? [])
        {
            if (volume.EmptyDir is { Medium: not StorageMedium.Memory } && volume.Name is { } name)
                usages[name] = Walk(_volumes.EmptyDirPath(pod.Uid, name), cancellation);
        }

        return usages;
    }

    private SignalReading? PodsMemory()
    {
        if (paths.Cgroup.Length == 0 || Number(paths.Cgroup, "memory.max") is not { } limit || WorkingSet(paths.Cgroup) is not { } used)
            return null;
        return new SignalReading(Math.Max(0, limit - used), limit);
    }

    private static long? WorkingSet(string cgroup) =>
        Number(cgroup, "memory.current") is { } usage ? Math.Max(0, usage - (Cgroupfs.ReadKey(cgroup, "memory.stat", "inactive_file") ?? 0)) : null;

    private long Resident(string cgroup) => Processes(cgroup).Sum(pid => Procfs.ResidentBytes(pid, paths.Proc));

    /// <summary>Of this cgroup and those below, which a container may have made.</summary>
    private static List<int> Processes(string cgroup)
    {
        List<int> pids = [];
        try
        {
            pids.AddRange(Cgroupfs.Processes(cgroup));
            foreach (string child in Directory.GetDirectories(cgroup))
                pids.AddRange(Processes(child));
        }
        catch (IOException)
        {
            // It ended meanwhile.
        }

        return pids;
    }

    /// <summary>Null for <c>max</c> too: no limit is no number.</summary>
    private static long? Number(string cgroup, string file) =>
        long.TryParse(Cgroupfs.Read(cgroup, file), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    private static void AddFileSystem(Dictionary<EvictionSignal, SignalReading> signals, string folder, EvictionSignal bytes, EvictionSignal inodes)
    {
        try
        {
            Statfs.statfs_t state = Statfs.Of(folder);
            signals[bytes] = new SignalReading(state.AvailableBytes, state.CapacityBytes);
            // File systems without a table of inodes (btrfs) count none.
            if (state.f_files > 0)
                signals[inodes] = new SignalReading((long)state.f_ffree, (long)state.f_files);
        }
        catch (LinuxException)
        {
            // The folder is gone; whoever needs it tells.
        }
    }

    private static DiskUsage Walk(string folder, CancellationToken cancellation)
    {
        try
        {
            (long bytes, long inodes) = DirectoryUsage.Of(folder, cancellation);
            return new DiskUsage(bytes, inodes);
        }
        catch (LinuxException)
        {
            return default;
        }
    }

    private static (uint, uint) DeviceOf(string folder) =>
        InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(folder), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) < 0
            ? default : (stat.stx_dev_major, stat.stx_dev_minor);
}
