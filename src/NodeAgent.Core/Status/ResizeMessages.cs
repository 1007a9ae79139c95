using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Status;

/// <summary>
/// What the events of a resize say: a sentence, then the resources and the generation as JSON, in the shape that the kubelet gives them
/// (<c>pkg/kubelet/events/resize.go</c>).
/// </summary>
public static class ResizeMessages
{
    public static string Started(Pod pod) => Of("Pod resize started", pod, null);

    public static string Completed(Pod pod) => Of("Pod resize completed", pod, null);

    public static string Pending(Pod wanted, string reason, string message) => Of("Pod resize " + reason, wanted, message);

    public static string Error(Pod pod, string message) => Of("Pod resize error", pod, message);

    private static string Of(string sentence, Pod pod, string? error)
    {
        var parts = new List<string>();
        Add(parts, "initContainers", (pod.Spec?.InitContainers ?? []).Where(PodResources.IsSidecar));
        Add(parts, "containers", pod.Spec?.Containers ?? []);
        if (pod.Spec?.Resources is { } whole) parts.Add($"\"resources\":{Json(whole)}");
        parts.Add(string.Create(CultureInfo.InvariantCulture, $"\"generation\":{pod.Metadata?.Generation ?? 1}"));
        if (error is not null) parts.Add($"\"error\":{JsonSerializer.Serialize(error, KubernetesJson.Wire.String)}");
        return $"{sentence}: {{{string.Join(',', parts)}}}";
    }

    private static void Add(List<string> parts, string name, IEnumerable<Container> containers)
    {
        string[] each = [.. containers.Select(c => $"{{\"name\":{JsonSerializer.Serialize(c.Name ?? "", KubernetesJson.Wire.String)},\"resources\":{Json(c.Resources)}}}")];
        if (each.Length > 0) parts.Add($"\"{name}\":[{string.Join(',', each)}]");
    }

    private static string Json(ResourceRequirements? resources) =>
        JsonSerializer.Serialize(resources ?? new ResourceRequirements(), KubernetesJson.Wire.ResourceRequirements);
}
