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

    public IReadOnlyCollection<PodUid> Uids => [.. _pods.Keys];

    /// <summary>As a reboot does.</summary>
    public void ForgetEverything() => _pods.Clear();

    public KeptPod? Read(PodUid uid) => _pods.TryGetValue(uid, out byte[]? kept) ? JsonSerializer.Deserialize(kept, KubernetesJson.Wire.KeptPod) : null;

    public void Keep(PodUid uid, KeptPod pod) => _pods[uid] = JsonSerializer.SerializeToUtf8Bytes(pod, KubernetesJson.Wire.KeptPod);

    public void Remove(PodUid uid) => _pods.TryRemove(uid, out _);

    public void RemoveAllBut(IReadOnlySet<PodUid> wanted)
    {
        foreach (var uid in _pods.Keys.Where(uid => !wanted.Contains(uid)))
            _pods.TryRemove(uid, out _);
    }
}
