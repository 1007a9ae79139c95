using System.Text;
using System.Text.Json;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// One text for all spellings of the same wish. Specs are compared and identified by it, so it must never change for a manifest that has
/// not changed, also not when a new version of the agent knows more fields or more defaults:
/// <list type="bullet">
/// <item>compact JSON, keys in ordinal order, non-ASCII characters as they are;</item>
/// <item>a value that equals its default is left out, so a new default needs a line here (a test checks that defaulting changes nothing);</item>
/// <item>empty lists, maps and objects are left out, except where an object is a choice: directly under a volume or a projected source;</item>
/// <item><c>status</c>, <c>spec.nodeName</c> and the metadata that a server fills in are left out;</item>
/// <item>quantities and times are in the API's own canonical notation; lists keep their order.</item>
/// </list>
/// </summary>
public static class CanonicalForm
{
    private static readonly HashSet<string> ServerMetadata = new(StringComparer.Ordinal)
    {
        "uid", "resourceVersion", "generation", "selfLink", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "managedFields",
    };

    /// <summary>Defaults by the shortest end of the field's path that tells it apart; <c>[]</c> is any item.</summary>
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["metadata.namespace"] = "default",
        ["spec.restartPolicy"] = "Always",
        ["spec.dnsPolicy"] = "ClusterFirst",
        ["spec.terminationGracePeriodSeconds"] = "30",
        ["spec.schedulerName"] = "default-scheduler",
        ["spec.enableServiceLinks"] = "true",
        ["spec.hostNetwork"] = "false",
        ["spec.hostPID"] = "false",
        ["spec.hostIPC"] = "false",
        ["containers[].terminationMessagePath"] = "/dev/termination-log",
        ["containers[].terminationMessagePolicy"] = "File",
        ["containers[].stdin"] = "false",
        ["containers[].stdinOnce"] = "false",
        ["containers[].tty"] = "false",
        ["ports[].protocol"] = "TCP",
        ["ports[].hostPort"] = "0",
        ["fieldRef.apiVersion"] = "v1",
        ["volumeMounts[].readOnly"] = "false",
        ["probe.timeoutSeconds"] = "1",
        ["probe.periodSeconds"] = "10",
        ["probe.successThreshold"] = "1",
        ["probe.failureThreshold"] = "3",
        ["probe.initialDelaySeconds"] = "0",
        ["httpGet.path"] = "/",
        ["httpGet.scheme"] = "HTTP",
        ["grpc.service"] = "",
        ["hostPath.type"] = "",
        ["emptyDir.medium"] = "",
        ["secret.defaultMode"] = "420",
        ["configMap.defaultMode"] = "420",
        ["downwardAPI.defaultMode"] = "420",
        ["projected.defaultMode"] = "420",
        ["serviceAccountToken.expirationSeconds"] = "3600",
        ["spec.volumeMode"] = "Filesystem",
    };

    public static string Of(Pod pod)
    {
        JsonElement root = JsonSerializer.SerializeToElement(Relative(pod with { Status = null }), KubernetesJson.Wire.Pod);
        return Write(root);
    }

    private static string Write(JsonElement root)
    {
        var text = new StringBuilder();
        WriteObject(root, "", "", text);
        return text.ToString();
    }

    /// <summary>Takes out the defaults that depend on another field.</summary>
    private static Pod Relative(Pod pod)
    {
        if (pod.Spec is not { } spec) return pod;
        bool hostNetwork = spec.HostNetwork == true;
        return pod with
        {
            ApiVersion = "v1",
            Kind = "Pod",
            Spec = spec with
            {
                NodeName = null,
                ServiceAccount = spec.ServiceAccount == spec.ServiceAccountName ? null : spec.ServiceAccount,
                Resources = Relative(spec.Resources),
                Containers = PodDefaults.Each(spec.Containers, c => Relative(c, hostNetwork)),
                InitContainers = PodDefaults.Each(spec.InitContainers, c => Relative(c, hostNetwork)),
                EphemeralContainers = PodDefaults.Each(spec.EphemeralContainers, c => (EphemeralContainer)Relative(c, false)),
                Volumes = PodDefaults.Each(spec.Volumes, Relative),
            },
        };
    }

    private static Container Relative(Container container, bool hostNetwork) => container with
    {
        ImagePullPolicy = container.ImagePullPolicy == PodDefaults.PullPolicyFor(container.Image) ? null : container.ImagePullPolicy,
        Resources = Relative(container.Resources),
        ResizePolicy = [.. (container.ResizePolicy ?? []).Where(p => p.RestartPolicy != ResourceResizeRestartPolicy.NotRequired).OrderBy(p => p.ResourceName, StringComparer.Ordinal)],
        Ports = hostNetwork
            ? PodDefaults.Each(container.Ports, p => p with { HostPort = p.HostPort == p.Port ? null : p.HostPort })
            : container.Ports,
    };

    private static ResourceRequirements? Relative(ResourceRequirements? resources)
    {
        if (resources?.Limits is not { } limits || resources.Requests is not { } requests) return resources;
        return resources with
        {
            Requests = requests.Where(r => !limits.TryGetValue(r.Key, out Quantity limit) || limit != r.Value)
                .ToDictionary(r => r.Key, r => r.Value, StringComparer.Ordinal),
        };
    }

    private static Volume Relative(Volume volume) => volume with
    {
        EmptyDir = volume.EmptyDir is { Medium: null or "", SizeLimit: null } ? null : volume.EmptyDir,
        Image = volume.Image is { } image && image.PullPolicy == PodDefaults.PullPolicyFor(image.Reference)
            ? image with { PullPolicy = null }
            : volume.Image,
    };

    /// <param name="self">The step that led here, items as <c>name[]</c>.</param>
    /// <param name="parent">The step before it.</param>
    private static bool WriteObject(JsonElement element, string self, string parent, StringBuilder text)
    {
        text.Append('{');
        bool any = false;
        foreach (JsonProperty property in element.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            if (self == "metadata" && parent.Length == 0 && ServerMetadata.Contains(property.Name)) continue;
            if (IsDefault(property, self)) continue;
            int before = text.Length;
            if (any) text.Append(',');
            AppendString(property.Name, text);
            text.Append(':');
            bool isChoice = self is "volumes[]" or "sources[]";
            if (WriteValue(property.Value, Step(property.Name), self, text) || isChoice) any = true;
            else text.Length = before;
        }
        text.Append('}');
        return any;
    }

    private static bool WriteValue(JsonElement value, string self, string parent, StringBuilder text)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                return WriteObject(value, self, parent, text);
            case JsonValueKind.Array:
                text.Append('[');
                bool first = true;
                foreach (JsonElement item in value.EnumerateArray())
                {
                    if (!first) text.Append(',');
                    first = false;
                    WriteValue(item, self + "[]", parent, text);
                }
                text.Append(']');
                return !first;
            case JsonValueKind.String:
                AppendString(value.GetString()!, text);
                return true;
            default:
                text.Append(value.GetRawText());
                return true;
        }
    }

    private static bool IsDefault(JsonProperty property, string self)
    {
        if (property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array) return false;
        return Defaults.TryGetValue($"{self}.{property.Name}", out string? value) && property.Value.ToString() is var text
            && string.Equals(text, value, StringComparison.OrdinalIgnoreCase) && (text == value || bool.TryParse(text, out _));
    }

    /// <summary>Fields that share their rules share a name here.</summary>
    private static string Step(string name) => name switch
    {
        "initContainers" or "ephemeralContainers" => "containers",
        "livenessProbe" or "readinessProbe" or "startupProbe" => "probe",
        _ => name,
    };

    /// <summary>JSON's minimal escaping: quote, backslash and control characters.</summary>
    private static void AppendString(string value, StringBuilder text)
    {
        text.Append('"');
        foreach (char c in value)
        {
            if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (c < ' ') text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else text.Append(c);
        }
        text.Append('"');
    }
}
