using NodeAgent.Core.Model;

namespace NodeAgent.Api.Selectors;

/// <summary>
/// A field selector, <c>metadata.name=web,status.phase!=Failed</c>, over the fields that the Kubernetes API offers for a kind.
/// </summary>
/// <param name="fields">Name of a field to how to read it.</param>
internal sealed class FieldSelector<T>(IReadOnlyDictionary<string, Func<T, string?>> fields)
{
    /// <summary>Whether an object matches. A missing value is the empty string.</summary>
    /// <exception cref="ApiException">400 for a field that can't be selected by, or text that is no selector.</exception>
    public Predicate<T> Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return _ => true;
        var tests = new List<(Func<T, string?> Read, string Value, bool Equal)>();
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int sign = part.IndexOf('=', StringComparison.Ordinal);
            if (sign <= 0) throw ApiException.BadRequest($"invalid field selector \"{text}\": can't understand \"{part}\", expected field=value or field!=value");
            bool equal = part[sign - 1] != '!';
            string name = part[..(equal ? sign : sign - 1)].Trim();
            string value = part[(part.AsSpan(sign).StartsWith("==") ? sign + 2 : sign + 1)..].Trim();
            if (!fields.TryGetValue(name, out Func<T, string?>? read))
                throw ApiException.BadRequest($"field label not supported: {name} (supported: {string.Join(", ", fields.Keys.Order(StringComparer.Ordinal))})");
            tests.Add((read, value, equal));
        }
        return candidate => tests.TrueForAll(test => ((test.Read(candidate) ?? "") == test.Value) == test.Equal);
    }
}

internal static class SelectableFields
{
    public static FieldSelector<Pod> Pods { get; } = new(new Dictionary<string, Func<Pod, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = pod => pod.Metadata?.Name,
        ["metadata.namespace"] = pod => pod.Metadata?.Namespace,
        ["spec.nodeName"] = pod => pod.Spec?.NodeName,
        ["spec.restartPolicy"] = pod => pod.Spec?.RestartPolicy,
        ["spec.schedulerName"] = pod => pod.Spec?.SchedulerName,
        ["spec.serviceAccountName"] = pod => pod.Spec?.ServiceAccountName,
        ["spec.hostNetwork"] = pod => pod.Spec?.HostNetwork == true ? "true" : "false",
        ["status.phase"] = pod => pod.Status?.Phase,
        ["status.podIP"] = pod => pod.Status?.PodIP,
        ["status.nominatedNodeName"] = pod => pod.Status?.NominatedNodeName,
    });

    public static FieldSelector<Event> Events { get; } = new(new Dictionary<string, Func<Event, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = e => e.Metadata.Name,
        ["metadata.namespace"] = e => e.Metadata.Namespace,
        ["involvedObject.kind"] = e => e.InvolvedObject.Kind,
        ["involvedObject.namespace"] = e => e.InvolvedObject.Namespace,
        ["involvedObject.name"] = e => e.InvolvedObject.Name,
        ["involvedObject.uid"] = e => e.InvolvedObject.Uid,
        ["involvedObject.apiVersion"] = e => e.InvolvedObject.ApiVersion,
        ["involvedObject.resourceVersion"] = e => e.InvolvedObject.ResourceVersion,
        ["involvedObject.fieldPath"] = e => e.InvolvedObject.FieldPath,
        ["reason"] = e => e.Reason,
        ["reportingComponent"] = e => e.ReportingComponent,
        ["source"] = e => e.Source?.Component,
        ["type"] = e => e.Type,
    });

    public static FieldSelector<Node> Nodes { get; } = new(new Dictionary<string, Func<Node, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = node => node.Metadata.Name,
        ["spec.unschedulable"] = node => node.Spec.Unschedulable == true ? "true" : "false",
    });
}
