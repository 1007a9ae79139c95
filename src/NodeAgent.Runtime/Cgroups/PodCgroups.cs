using System.Collections.Concurrent;
using System.Globalization;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// The agent's own part of the cgroup v2 tree, written directly (the <c>cgroupfs</c> driver). Processes live in leaves only, as the kernel demands once a
/// controller is handed down.
/// <code>
/// {root}/                        controllers handed down as far as the machine has them
///   pod{uid}/                    Guaranteed
///   burstable/pod{uid}/          cpu.weight = what its pods ask for together
///   besteffort/pod{uid}/         cpu.weight = 1
///     shim/                      the process that holds the sandbox
///     {container id}/            one run of a container, and what is executed in it
/// </code>
/// Without a controller its files are not written and <see cref="Missing"/> names it: tracking, freezing and killing work regardless.
/// Called by the sandbox and container sequences; the QoS folders' weights are the only state, guarded by a lock.
/// </summary>
public sealed class PodCgroups
{
    /// <summary>The controllers that a pod's limits need.</summary>
    public static readonly IReadOnlyList<string> Wanted = ["cpu", "memory", "pids"];

    private const string PodPrefix = "pod";
    private const string ShimLeaf = "shim";
    private readonly string _root;
    private readonly Lock _weights = new();
    private readonly Dictionary<string, long> _burstableRequests = new(StringComparer.Ordinal);
    private readonly HashSet<string> _enabled;
    private readonly ConcurrentDictionary<string, byte> _prepared = new(StringComparer.Ordinal);

    private PodCgroups(string root, HashSet<string> enabled)
    {
        _root = root;
        _enabled = enabled;
    }

    /// <summary>Of <see cref="Wanted"/>, those that this machine or its owner does not hand to us.</summary>
    public IReadOnlyList<string> Missing => [.. Wanted.Where(controller => !_enabled.Contains(controller))];

    /// <summary>Makes the root and hands the controllers down to it, level by level from the cgroup2 mount.</summary>
    /// <param name="mount">Mount point of cgroup2, a prefix of <paramref name="root"/>.</param>
    public static PodCgroups Open(string root, string mount)
    {
        if (!root.StartsWith(mount + "/", StringComparison.Ordinal))
            throw new ArgumentException($"cgroup root {root} is not below the cgroup2 mount {mount}", nameof(root));
        Cgroupfs.Create(root);
        string level = mount;
        HandDown(level);
        foreach (string part in root[(mount.Length + 1)..].Split('/'))
        {
            level += "/" + part;
            HandDown(level);
        }
        return new PodCgroups(root, new HashSet<string>(Cgroupfs.ReadWords(root, Cgroupfs.SubtreeControl), StringComparer.Ordinal));
    }

    public string PodPath(PodUid uid, string qosClass) => qosClass switch
    {
        PodQosClass.Burstable => $"{_root}/burstable/{PodPrefix}{uid}",
        PodQosClass.BestEffort => $"{_root}/besteffort/{PodPrefix}{uid}",
        _ => $"{_root}/{PodPrefix}{uid}",
    };

    public static string ShimPath(string pod) => $"{pod}/{ShimLeaf}";

    public static string ContainerPath(string pod, ContainerId id) => $"{pod}/{id}";

    /// <summary>Makes the pod's cgroup and the shim's leaf in it.</summary>
    public void CreatePod(PodUid uid, Pod pod, long? podPidsLimit)
    {
        string qos = QosClass.Of(pod);
        string path = PodPath(uid, qos);
        string parent = Path.GetDirectoryName(path)!;
        if (parent != _root && _prepared.TryAdd(parent, 0))
        {
            Cgroupfs.Create(parent);
            HandDown(parent);
            if (qos == PodQosClass.BestEffort) WriteAll(parent, CgroupValues.ForQosClass(qos, 0).Writes());
        }
        Cgroupfs.Create(path);
        HandDown(path);
        WriteAll(path, CgroupValues.ForPod(pod, podPidsLimit).Writes());
        if (qos == PodQosClass.Burstable) Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
        Cgroupfs.Create(ShimPath(path));
    }

    /// <summary>Takes a pod cgroup that an earlier agent made into account.</summary>
    public void Adopt(string path, Pod pod) => Weigh(path, PodResources.Request(pod, ResourceName.Cpu));

    public string CreateContainer(string pod, ContainerId id, CgroupValues values)
    {
        string path = ContainerPath(pod, id);
        Cgroupfs.Create(path);
        WriteAll(path, values.Writes());
        return path;
    }

    /// <summary>Gives a pod's cgroup the values of another version of the pod; its class stays.</summary>
    public void UpdatePod(string path, Pod pod, long? podPidsLimit)
    {
        WriteAll(path, CgroupValues.ForPod(pod, podPidsLimit).Updates());
        Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
    }

    public void UpdateContainer(string path, CgroupValues values) => WriteAll(path, values.Updates());

    /// <summary>Bytes that a cgroup uses now; null when the memory controller is missing.</summary>
    public static long? MemoryUsage(string path) =>
        long.TryParse(Cgroupfs.Read(path, "memory.current"), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;

    /// <summary>Kills what is left in it and removes it. Throws <see cref="TimeoutException"/> when a process does not die.</summary>
    public async ValueTask RemoveAsync(string cgroup, TimeSpan timeout, TimeProvider time)
    {
        if (!Directory.Exists(cgroup)) return;
        if (Cgroupfs.IsPopulated(cgroup))
        {
            Cgroupfs.Kill(cgroup);
            if (!await Task.Run(() => Cgroupfs.WaitUntilEmpty(cgroup, timeout, time)))
                throw new TimeoutException($"cgroup {cgroup}: processes {string.Join(' ', AllProcesses(cgroup))} did not die within {timeout.TotalSeconds} s of SIGKILL");
        }
        Cgroupfs.Remove(cgroup);
        Weigh(cgroup, null);
    }

    /// <summary>Every pod cgroup there is, whoever made it.</summary>
    public IReadOnlyList<(PodUid Uid, string Path)> Pods()
    {
        var pods = new List<(PodUid, string)>();
        foreach (string parent in new[] { _root, $"{_root}/burstable", $"{_root}/besteffort" })
        {
            if (!Directory.Exists(parent)) continue;
            foreach (string folder in Directory.EnumerateDirectories(parent, PodPrefix + "*"))
                pods.Add((new PodUid(Path.GetFileName(folder)[PodPrefix.Length..]), folder));
        }
        return pods;
    }

    /// <summary>Removes the QoS folders and the root if nothing lives in them.</summary>
    public void RemoveRootIfEmpty()
    {
        foreach (string folder in new[] { $"{_root}/burstable", $"{_root}/besteffort", _root })
        {
            try
            {
                if (Directory.Exists(folder) && Directory.GetDirectories(folder).Length == 0) Directory.Delete(folder);
                _prepared.TryRemove(folder, out _);
            }
            catch (IOException)
            {
                // In use: by another agent's pods or by a process put there by hand. Leaving it is right.
            }
        }
    }

    private static IEnumerable<int> AllProcesses(string cgroup) =>
        Cgroupfs.Processes(cgroup).Concat(Directory.GetDirectories(cgroup).SelectMany(AllProcesses));

    private void WriteAll(string cgroup, IEnumerable<CgroupWrite> writes)
    {
        foreach (CgroupWrite write in writes)
        {
            if (_enabled.Contains(write.Controller)) Cgroupfs.Write(cgroup, write.File, write.Value);
        }
    }

    private void Weigh(string pod, long? cpuRequest)
    {
        string parent = Path.GetDirectoryName(pod)!;
        if (!parent.EndsWith("/burstable", StringComparison.Ordinal)) return;
        lock (_weights)
        {
            if (cpuRequest is { } request) _burstableRequests[pod] = request;
            else if (!_burstableRequests.Remove(pod)) return;
            WriteAll(parent, CgroupValues.ForQosClass(PodQosClass.Burstable, _burstableRequests.Values.Sum()).Writes());
        }
    }

    /// <summary>Enables for the children of a level what the level itself has. What can't be enabled stays missing and is reported, not fatal.</summary>
    private static void HandDown(string level)
    {
        string[] enabled = Cgroupfs.ReadWords(level, Cgroupfs.SubtreeControl);
        foreach (string controller in Wanted.Intersect(Cgroupfs.ReadWords(level, Cgroupfs.Controllers)).Except(enabled))
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
}
