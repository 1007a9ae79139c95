using System.Text.Json.Nodes;

namespace NodeAgent.Testing.Agent;

/// <summary>The parts of a pod object that tests ask about.</summary>
public static class PodJson
{
    public static string Phase(this JsonNode pod) => pod["status"]?["phase"]?.GetValue<string>() ?? "";

    /// <summary>Whether the pod's condition Ready is True.</summary>
    public static bool IsReady(this JsonNode pod) => pod["status"]?["conditions"]?.AsArray().Any(condition =>
        condition!["type"]!.GetValue<string>() == "Ready" && condition["status"]!.GetValue<string>() == "True") == true;

    public static string PodUid(this JsonNode pod) => pod["metadata"]!["uid"]!.GetValue<string>();

    public static JsonNode Container(this JsonNode pod, string name) =>
        pod.TryContainer(name) ?? throw new InvalidOperationException($"no status of container {name} in {pod.ToJsonString()}");

    /// <summary>The status of a container of any kind; names are unique in a pod.</summary>
    public static JsonNode? TryContainer(this JsonNode pod, string name) => new[] { "containerStatuses", "initContainerStatuses" }
        .SelectMany(kind => pod["status"]?[kind]?.AsArray() ?? []).FirstOrDefault(status => status!["name"]!.GetValue<string>() == name);

    /// <summary>A condition as <c>True</c> or <c>False ContainersNotReady</c>; empty when the pod has none of this type.</summary>
    public static string Condition(this JsonNode pod, string type) =>
        pod["status"]?["conditions"]?.AsArray().FirstOrDefault(condition => condition!["type"]!.GetValue<string>() == type) is { } found
            ? $"{found["status"]} {found["reason"]}".TrimEnd()
            : "";

    public static bool Runs(this JsonNode pod, string container) => pod.TryContainer(container)?["state"]?["running"] is not null;

    public static int Restarts(this JsonNode pod, string container) => pod.TryContainer(container)?["restartCount"]?.GetValue<int>() ?? -1;

    public static string WaitingReason(this JsonNode pod, string container) => pod.TryContainer(container)?["state"]?["waiting"]?["reason"]?.GetValue<string>() ?? "";

    public static string ContainerId(this JsonNode pod, string container) => pod.Container(container)["containerID"]!.GetValue<string>();

    /// <summary>The <c>terminated</c> part of the state, or of the last state, whichever there is.</summary>
    public static JsonNode? Terminated(this JsonNode pod, string container) =>
        pod.TryContainer(container)?["state"]?["terminated"] ?? pod.TryContainer(container)?["lastState"]?["terminated"];
}
