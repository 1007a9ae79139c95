using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Eviction;

/// <summary>
/// The limits of what a pod may keep on the node's disk, which no kernel enforces: whoever outgrows one is evicted. The first that is exceeded counts.
///
/// | limit                                                    | counts |
/// | emptyDir.sizeLimit                                       | that volume |
/// | ephemeral-storage of all containers (or of the pod)      | volumes on disk, logs, what containers wrote into their root file systems |
/// | ephemeral-storage of a container                         | its logs, and what it wrote into its root file system |
///
/// What containers write lies on the image file system; when that is another one, it is not counted, as on every node.
/// A volume in memory is a file system of its own size: it refuses what goes beyond, and its pages are memory of the pod.
/// </summary>
public static class LocalStorageLimits
{
    /// <summary>Whether the pod's disk usage has to be measured at all.</summary>
    public static bool HasAny(Pod pod) =>
        (pod.Spec?.Volumes ?? []).Any(volume => volume.EmptyDir is { SizeLimit: { Sign: > 0 }, Medium: not StorageMedium.Memory })
        || PodResources.All(pod).Any(container => PodResources.Limit(container.Resources, ResourceName.EphemeralStorage) is not null)
        || PodResources.Limit(pod, ResourceName.EphemeralStorage) is not null;

    /// <returns>The message of the eviction; null when the pod keeps to its limits.</returns>
    public static string? Excess(PodUsage usage, bool dedicatedImageFs)
    {
        foreach (Volume volume in usage.Pod.Spec?.Volumes ?? [])
        {
            if (volume.EmptyDir?.SizeLimit is { Sign: > 0 } limit && usage.Volumes.TryGetValue(volume.Name ?? "", out DiskUsage used) && used.Bytes > limit.Value)
                return $"Usage of EmptyDir volume \"{volume.Name}\" exceeds the limit \"{limit}\". ";
        }

        if (PodResources.Limit(usage.Pod, ResourceName.EphemeralStorage) is { } total && usage.Disk(rootFs: !dedicatedImageFs, volumesAndLogs: true).Bytes > total)
            return $"Pod ephemeral local storage usage exceeds the total limit of containers {Quantity.FromBytes(total)}. ";

        foreach (ContainerUsage container in usage.Containers)
        {
            Container? specification = PodResources.All(usage.Pod).FirstOrDefault(c => c.Name == container.Name);
            if (specification?.Resources?.Limits is not { } limits || !limits.TryGetValue(ResourceName.EphemeralStorage, out Quantity own) || own.Sign <= 0)
                continue;
            long used = (container.Logs?.Bytes ?? 0) + (dedicatedImageFs ? 0 : container.RootFs?.Bytes ?? 0);
            if (used > own.Value)
                return $"Container {container.Name} exceeded its local ephemeral storage limit \"{own}\". ";
        }

        return null;
    }
}
