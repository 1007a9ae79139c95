using System.Collections.Concurrent;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;

namespace NodeAgent.Testing.Fakes;

/// <summary>Keeps pods as bytes, so that what does not survive being written does not survive here either.</summary>
public sealed class MemoryKeptPods : IKeptPods
{
    private readonly ConcurrentDictionary<PodUid, byte[]> _pods = new();
    private readonly ConcurrentDictionary<PodUid, IReadOnlyDictionary<string, int>> _logged = new();

    public IReadOnlyCollection<PodUid> Uids => [.. _pods.Keys];

    /// <summary>As a reboot does: but for the logs, which lie on a disk.</summary>
    public void ForgetEverything() => _pods.Clear();

    public KeptPod? Read(PodUid uid) => _pods.TryGetValue(uid, out byte[]? kept) ? JsonSerializer.Deserialize(kept, KubernetesJson.Wire.KeptPod) : null;

    /// <summary>The runs of the last status that was kept: each of them has a log.</summary>
    public IReadOnlyDictionary<string, int> LoggedRuns(PodUid uid, Pod pod) =>
        _logged.TryGetValue(uid, out IReadOnlyDictionary<string, int>? runs) ? runs : new Dictionary<string, int>();

    public void Keep(PodUid uid, KeptPod pod)
    {
        _pods[uid] = JsonSerializer.SerializeToUtf8Bytes(pod, KubernetesJson.Wire.KeptPod);
        _logged[uid] = (pod.Status.ContainerStatuses ?? []).Where(c => c.ContainerID is not null).ToDictionary(c => c.Name, c => c.RestartCount, StringComparer.Ordinal);
    }

    public void Remove(PodUid uid)
    {
        _pods.TryRemove(uid, out _);
        _logged.TryRemove(uid, out _);
    }

    public void RemoveAllBut(IReadOnlySet<PodUid> wanted)
    {
        foreach (var uid in _pods.Keys.Where(uid => !wanted.Contains(uid)))
            Remove(uid);
    }
}
