using System.Collections.Immutable;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Which images are in use, and by which pods: what a container has, whether it runs or is dead and not removed yet, and what a pod names that has a worker or
/// waits for its name. Read anew at every question; keeps nothing. Thread-safe.
/// Callers: the image collector, and the API before it removes an image.
/// </summary>
public sealed class ImageUse(IPodRuntime runtime, IImageService images, PodWorkers workers)
{
    /// <returns>By image id, the pods as <c>namespace/name</c>, ordered, each once; an image that nobody uses is absent.</returns>
    public async Task<IReadOnlyDictionary<string, ImmutableArray<string>>> ReadAsync(CancellationToken cancellationToken) =>
        await OfAsync(await runtime.ListPodsAsync(cancellationToken), cancellationToken);

    /// <param name="states">Everything the node has, as the runtime has just listed it.</param>
    internal async Task<IReadOnlyDictionary<string, ImmutableArray<string>>> OfAsync(IReadOnlyList<PodRuntimeState> states, CancellationToken cancellationToken)
    {
        var users = new Dictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var state in states)
        {
            foreach (var run in state.Containers)
                Add(run.ImageId, state.Pod);
        }

        var named = from pod in workers.Specifications from reference in ReferencesOf(pod) group pod by reference;
        foreach (var group in named)
        {
            if (await FindAsync(group.Key, cancellationToken) is not { } image)
                continue;
            foreach (var pod in group)
                Add(image.Id, pod);
        }

        return users.ToDictionary(pair => pair.Key, pair => pair.Value.ToImmutableArray(), StringComparer.Ordinal);

        void Add(string id, Pod pod)
        {
            if (!users.TryGetValue(id, out var pods))
                users[id] = pods = new SortedSet<string>(StringComparer.Ordinal);
            pods.Add($"{pod.Metadata?.Namespace}/{pod.Metadata?.Name}");
        }
    }

    private async ValueTask<ImageRecord?> FindAsync(string reference, CancellationToken cancellationToken)
    {
        try
        {
            return await images.ImageStatusAsync(reference, cancellationToken);
        }
        catch (ImageException)
        {
            // A name that is none names no image; the pod's own worker tells.
            return null;
        }
    }

    private static IEnumerable<string> ReferencesOf(Pod pod) =>
        (pod.Spec?.InitContainers ?? []).Concat(pod.Spec?.Containers ?? []).Select(container => container.Image ?? "").Where(image => image.Length > 0)
            .Distinct(StringComparer.Ordinal);
}
