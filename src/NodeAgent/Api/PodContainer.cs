using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>A container that a request names, or means by naming none.</summary>
/// <param name="Status">Null while nothing is known of it.</param>
internal sealed record PodContainer(Pod Pod, string Name, ContainerStatus? Status)
{
    private const string DefaultAnnotation = "kubectl.kubernetes.io/default-container";

    private string Podname => Pod.Metadata!.Name!;

    /// <exception cref="ApiException">400 when the name is missing and needed, or of no container of the pod.</exception>
    public static PodContainer Find(Pod pod, string? name)
    {
        IReadOnlyList<Container> regular = pod.Spec?.Containers ?? [];
        IReadOnlyList<Container> init = pod.Spec?.InitContainers ?? [];
        if (string.IsNullOrEmpty(name))
        {
            name = pod.Metadata?.Annotations?.GetValueOrDefault(DefaultAnnotation);
            if (name is null && regular.Count == 1) name = regular[0].Name;
            if (name is null)
            {
                string initNote = init.Count == 0 ? "" : $" or one of the init containers: [{string.Join(' ', init.Select(container => container.Name))}]";
                throw ApiException.BadRequest(
                    $"a container name must be specified for pod {pod.Metadata?.Name}, choose one of: [{string.Join(' ', regular.Select(container => container.Name))}]{initNote}");
            }
        }
        if (!regular.Concat(init).Any(container => container.Name == name))
            throw ApiException.BadRequest($"container {name} is not valid for pod {pod.Metadata?.Name}");
        ContainerStatus? status = (pod.Status?.ContainerStatuses ?? []).Concat(pod.Status?.InitContainerStatuses ?? []).FirstOrDefault(status => status.Name == name);
        return new PodContainer(pod, name, status);
    }

    /// <summary>The id of its running process's container.</summary>
    /// <exception cref="ApiException">409 when it does not run, with the state it is in.</exception>
    public string RunningId()
    {
        if (Status?.State?.Running is not null && Status.ContainerID is { } id) return id[(id.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0)..];
        throw new ApiException(409, StatusReason.Conflict, $"container \"{Name}\" in pod \"{Podname}\" is not running ({StateText()})");
    }

    /// <summary>Whether its present run is over, so that nothing more comes into its log.</summary>
    public bool Ended => Status?.State?.Running is null;

    public string StateText() => Status?.State switch
    {
        { Terminated: { } terminated } => $"terminated: {terminated.Reason}, exit code {terminated.ExitCode}",
        { Waiting: { } waiting } => $"waiting: {waiting.Reason}",
        { Running: not null } => "running",
        _ => "waiting",
    };
}
