using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// The agent's own part of the cgroup v2 tree, written directly. See <see cref="CgroupTree"/> for what lies where: the root has controllers handed down as far
/// as the machine has them; <c>burstable</c> weighs what its pods ask for together, <c>besteffort</c> 1. State are which QoS folders are
/// ready and what they weigh, each guarded by a lock.
/// </summary>
public sealed class CgroupfsDriver : ICgroupDriver
{
    private readonly FolderTree _tree;
    private readonly CgroupSettings _settings;
    private readonly Lock _weights = new();
    private readonly Dictionary<string, long> _burstableRequests = new(StringComparer.Ordinal);
    private readonly HashSet<string> _enabled;
    private readonly HashSet<string> _prepared = new(StringComparer.Ordinal);

    private CgroupfsDriver(string root, CgroupSettings settings, HashSet<string> enabled)
    {
        _tree = new FolderTree(root);
        _settings = settings;
        _enabled = enabled;
    }

    public CgroupDriverKind Kind => CgroupDriverKind.Cgroupfs;

    public IReadOnlySet<string> Enabled => _enabled;

    /// <summary>Makes the root and hands the controllers down to it, level by level from the cgroup2 mount.</summary>
    /// <param name="mount">Mount point of cgroup2, a prefix of <paramref name="root"/>.</param>
    public static CgroupfsDriver Open(string root, string mount, CgroupSettings settings)
    {
        if (!root.StartsWith(mount + "/", StringComparison.Ordinal))
            throw new ArgumentException($"cgroup root {root} is not below the cgroup2 mount {mount}", nameof(root));
        Cgroupfs.Create(root);
        string level = mount;
        PodCgroups.HandDown(level);
        foreach (string part in root[(mount.Length + 1)..].Split('/'))
        {
            level += "/" + part;
            PodCgroups.HandDown(level);
        }
        return new CgroupfsDriver(root, settings, new HashSet<string>(Cgroupfs.ReadWords(root, Cgroupfs.SubtreeControl), StringComparer.Ordinal));
    }

    public string PodPath(PodUid uid, string qosClass) => _tree.PodPath(uid, qosClass);

    public bool Prepare(PodUid uid, Pod pod)
    {
        string qos = QosClass.Of(pod);
        string path = _tree.PodPath(uid, qos);
        string parent = _tree.ClassPath(qos);
        if (parent != _tree.Root) PrepareClass(parent, qos);
        Cgroupfs.Create(path);
        PodCgroups.HandDown(path);
        PodCgroups.WriteAll(path, CgroupValues.ForPod(pod, _settings).Writes(), _enabled);
        if (qos == PodQosClass.Burstable) Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
        Cgroupfs.Create(PodCgroups.ShimPath(path));
        return true;
    }

    /// <summary>Nothing is left to do: the shim was born in its leaf, or joins it itself.</summary>
    public Task AdmitAsync(PodUid uid, Pod pod, int shim, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task UpdatePodAsync(string path, Pod pod, CancellationToken cancellationToken)
    {
        PodCgroups.WriteAll(path, CgroupValues.ForPod(pod, _settings).Updates(), _enabled);
        Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
        return Task.CompletedTask;
    }

    public void Adopt(string path, Pod pod) => Weigh(path, PodResources.Request(pod, ResourceName.Cpu));

    public void Forget(string path) => Weigh(path, null);

    public IReadOnlyList<(PodUid Uid, string Path)> Pods() => [.. _tree.Pods()];

    /// <summary>Removes the QoS folders and the root if nothing lives in them.</summary>
    public void Dispose()
    {
        foreach (string folder in new[] { _tree.ClassPath(PodQosClass.Burstable), _tree.ClassPath(PodQosClass.BestEffort), _tree.Root })
        {
            try
            {
                if (Directory.Exists(folder) && Directory.GetDirectories(folder).Length == 0) Directory.Delete(folder);
            }
            catch (IOException)
            {
                // In use: by another agent's pods or by a process put there by hand. Leaving it is right.
            }
        }
    }

    // Two first pods of a class come at once: the second waits until controllers are handed down, for its own cgroup gets only what is there by then.
    private void PrepareClass(string folder, string qos)
    {
        lock (_prepared)
        {
            if (_prepared.Contains(folder)) return;
            Cgroupfs.Create(folder);
            PodCgroups.HandDown(folder);
            if (qos == PodQosClass.BestEffort) PodCgroups.WriteAll(folder, CgroupValues.ForQosClass(qos, 0).Writes(), _enabled);
            _prepared.Add(folder);
        }
    }

    private void Weigh(string pod, long? cpuRequest)
    {
        string parent = Path.GetDirectoryName(pod)!;
        if (parent != _tree.ClassPath(PodQosClass.Burstable)) return;
        lock (_weights)
        {
            if (cpuRequest is { } request) _burstableRequests[pod] = request;
            else if (!_burstableRequests.Remove(pod)) return;
            PodCgroups.WriteAll(parent, CgroupValues.ForQosClass(PodQosClass.Burstable, _burstableRequests.Values.Sum()).Writes(), _enabled);
        }
    }
}
