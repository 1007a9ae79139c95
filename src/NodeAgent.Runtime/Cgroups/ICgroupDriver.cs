using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>Who makes the cgroups of pods.</summary>
public enum CgroupDriverKind
{
    /// <summary>The agent, as folders of a tree of its own.</summary>
    Cgroupfs,

    /// <summary>The service manager, as units.</summary>
    Systemd,
}

/// <summary>
/// Makes and changes the cgroups of whole pods; what lies below a pod's is the agent's own with either driver (<see cref="PodCgroups"/>).
/// Implementations: <see cref="CgroupfsDriver"/> and <see cref="Systemd.SystemdDriver"/>; both pass the same contract suite. Thread-safe.
/// <code>
/// nothing --Prepare, AdmitAsync--> pod's cgroup with the shim in its leaf, controllers handed down, values set
///    ^                                '--UpdatePodAsync--> other values
///    '--the caller kills and removes the folder, Forget---'
/// </code>
/// </summary>
public interface ICgroupDriver : IDisposable
{
    CgroupDriverKind Kind { get; }

    /// <summary>The controllers that pods' cgroups get, of <see cref="PodCgroups.Wanted"/>.</summary>
    IReadOnlySet<string> Enabled { get; }

    /// <summary>Absolute path of a pod's cgroup, whether it exists or not.</summary>
    string PodPath(PodUid uid, string qosClass);

    /// <summary>What can be made before the pod has a process.</summary>
    /// <returns>True when the pod's cgroup and the shim's leaf exist, so that the shim can be born there; false when the cgroup is made around it.</returns>
    bool Prepare(PodUid uid, Pod pod);

    /// <summary>Returns when the pod's cgroup exists with the shim in its leaf and all values set. After a failure what was made is removed by its path.</summary>
    /// <param name="shim">Pid of the shim.</param>
    Task AdmitAsync(PodUid uid, Pod pod, int shim, CancellationToken cancellationToken);

    /// <summary>Gives a pod's cgroup the values of another version of the pod; its class stays.</summary>
    Task UpdatePodAsync(string path, Pod pod, CancellationToken cancellationToken);

    /// <summary>Takes a pod cgroup that an earlier agent made into account.</summary>
    void Adopt(string path, Pod pod);

    /// <summary>A pod's cgroup is gone.</summary>
    void Forget(string path);

    /// <summary>Every pod cgroup there is, whoever made it.</summary>
    IReadOnlyList<(PodUid Uid, string Path)> Pods();
}
