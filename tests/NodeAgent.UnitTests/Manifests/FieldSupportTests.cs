using System.Text.Json;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>No field is ignored in silence: the table knows every field of the model, and does what it says.</summary>
public sealed class FieldSupportTests
{
    [Fact(DisplayName = "Every field of the Pod model has an entry")]
    public void Complete()
    {
        string[] missing = [.. ModelPaths().Where(p => FieldSupport.Of(p) is null)];
        Assert.True(missing.Length == 0, "no entry in the table for: " + string.Join(", ", missing));
    }

    [Fact(DisplayName = "Every entry is about a field that exists, or it is stale")]
    public void NotStale()
    {
        var known = new HashSet<string>(ModelPaths(withInner: true), StringComparer.Ordinal);
        string[] stale = [.. FieldSupport.All.Select(e => e.Path.EndsWith(".**", StringComparison.Ordinal) ? e.Path[..^3] : e.Path).Where(p => !known.Contains(p))];
        Assert.True(stale.Length == 0, "no such field: " + string.Join(", ", stale));
    }

    [Fact(DisplayName = "Every entry that is not honoured says why, and every refusal what to do instead")]
    public void Reasons()
    {
        foreach (FieldSupport entry in FieldSupport.All)
        {
            Assert.True(entry.Level == SupportLevel.Honoured || entry.Reason.Length > 0, entry.Path);
            Assert.True(entry.Level is not (SupportLevel.NotYet or SupportLevel.Refused) || entry.Remedy.Length > 0, entry.Path);
        }
    }

    public static TheoryData<string> RefusedPaths =>
        [.. FieldSupport.All.Where(e => e.Level is SupportLevel.NotYet or SupportLevel.Refused).Select(e => e.Path)];

    [Theory(DisplayName = "A pod that uses an unsupported field is refused with the field's path and the reason")]
    [MemberData(nameof(RefusedPaths))]
    public void RefusedWithPath(string pattern)
    {
        FieldSupport entry = FieldSupport.All.Single(e => e.Path == pattern);
        string path = pattern.EndsWith(".**", StringComparison.Ordinal) ? pattern[..^3] : pattern;
        ManifestFile file = Manifest.Parse(DocumentWith(path), "x.json");
        Assert.Empty(file.Pods);
        ManifestReason reason = entry.Level == SupportLevel.NotYet ? ManifestReason.NotYet : ManifestReason.Refused;
        Assert.Contains(file.Errors, e => e.Reason == reason && e.FieldPath == path.Replace("[]", "[0]", StringComparison.Ordinal)
            && e.Message.Contains(entry.Reason, StringComparison.Ordinal) && e.Remedy == entry.Remedy);
    }

    [Fact(DisplayName = "A field without effect here is accepted with a note at its place")]
    public void Notes()
    {
        ManifestFile file = Manifest.Parse(Manifest.WithSpec("preemptionPolicy: Never\npriority: 7\nnodeSelector: {disk: ssd}\ntolerations: []"));
        Assert.Empty(file.Errors);
        Assert.Equal(["spec.preemptionPolicy", "spec.nodeSelector"], file.Notes.Select(n => n.FieldPath));
        Assert.Equal("web.yaml:9:3: spec.preemptionPolicy: accepted, without effect on one node: pods are not preempted for one another here",
            file.Notes[0].ToString());
    }

    [Fact(DisplayName = "A pod exported from a cluster of any version is taken, and what the server wrote is noted")]
    public void Exported()
    {
        ManifestFile file = Manifest.Parse(Manifest.WithMetadata(
            "uid: 0b6a\nresourceVersion: \"7\"\ncreationTimestamp: \"2026-01-31T09:30:00Z\"\nmanagedFields: [{manager: kubectl, fieldsV9: {}}]")
            + "status: {phase: Running, fieldOfTomorrow: 1}\n");
        Assert.Empty(file.Errors);
        Assert.Null(file.Pods[0].Status);
        Assert.Equal(["metadata.uid", "metadata.resourceVersion", "metadata.creationTimestamp", "metadata.managedFields", "status"],
            file.Notes.Select(n => n.FieldPath));
    }

    [Theory(DisplayName = "A value that asks for nothing more than is done anyway is accepted")]
    [InlineData("hostUsers: true")]
    [InlineData("initContainers: []")]
    [InlineData("os: {name: linux}")]
    [InlineData("securityContext: {seccompProfile: {type: RuntimeDefault}, fsGroupChangePolicy: Always, supplementalGroupsPolicy: Merge}")]
    [InlineData("volumes:\n- name: v\n  emptyDir: {medium: Memory, sizeLimit: 1Mi}")]
    [InlineData("volumes:\n- name: v\n  emptyDir: {sizeLimit: 1Gi}")]
    [InlineData("volumes:\n- name: v\n  emptyDir: {medium: \"\"}")]
    [InlineData("volumes:\n- name: v")]
    public void AcceptedValues(string lines) => Assert.Empty(Manifest.Parse(Manifest.WithSpec(lines)).Errors);

    [Theory(DisplayName = "A value that asks for more is refused")]
    [InlineData("hostUsers: false", "spec.hostUsers", ManifestReason.NotYet)]
    [InlineData("os: {name: windows}", "spec.os.name", ManifestReason.Refused)]
    [InlineData("volumes:\n- name: v\n  emptyDir: {medium: HugePages}", "spec.volumes[0].emptyDir.medium", ManifestReason.NotYet)]
    [InlineData("volumes:\n- name: v\n  downwardAPI: {}", "spec.volumes[0].downwardAPI", ManifestReason.NotYet)]
    [InlineData("securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}", "spec.securityContext.seccompProfile.type", ManifestReason.NotYet)]
    public void RefusedValues(string lines, string path, ManifestReason reason) =>
        Assert.Contains(Manifest.Parse(Manifest.WithSpec(lines)).Errors, e => e.FieldPath == path && e.Reason == reason);

    [Fact(DisplayName = "Host ports wait for forwarding, and are nothing special on the host's network")]
    public void HostPorts()
    {
        const string ports = "ports: [{containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}]";
        Assert.Equal(["spec.containers[0].ports[0].hostPort", "spec.containers[0].ports[0].hostIP"],
            Manifest.Parse(Manifest.WithContainer(ports)).Errors.Select(e => e.FieldPath));
        Assert.Empty(Manifest.Parse(Manifest.WithContainer(ports) + "  hostNetwork: true\n").Errors);
    }

    [Theory(DisplayName = "A limit that nobody would enforce is refused")]
    [InlineData("limits: {example.org/gpu: 1}", "spec.containers[0].resources.limits[example.org/gpu]")]
    public void OtherResources(string lines, string path) => Assert.Contains(
        Manifest.Parse(Manifest.WithContainer("resources: {" + lines + "}")).Errors, e => e.FieldPath == path && e.Reason == ManifestReason.NotYet);

    [Fact(DisplayName = "Ephemeral storage may be requested and limited")]
    public void EphemeralStorage() =>
        Assert.Empty(Manifest.Parse(Manifest.WithContainer("resources: {requests: {ephemeral-storage: 1Gi}, limits: {ephemeral-storage: 2Gi}}")).Errors);

    /// <summary>The paths of all fields, by reflection over the model's types; lists as <c>[]</c>.</summary>
    private static IEnumerable<string> ModelPaths(bool withInner = false) => Walk(typeof(Pod), "", withInner);

    private static IEnumerable<string> Walk(Type type, string at, bool withInner)
    {
        foreach (var property in type.GetProperties())
        {
            if (property.GetIndexParameters().Length > 0 || property.Name == "EqualityContract") continue;
            string name = property.GetCustomAttributes(false).OfType<System.Text.Json.Serialization.JsonPropertyNameAttribute>().SingleOrDefault()?.Name
                ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            string path = at.Length == 0 ? name : $"{at}.{name}";
            Type value = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (value.IsGenericType && value.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) && IsModel(value.GetGenericArguments()[0]))
            {
                if (withInner) yield return path;
                value = value.GetGenericArguments()[0];
                path += "[]";
            }
            if (!IsModel(value))
            {
                yield return path;
                continue;
            }
            if (withInner) yield return path;
            foreach (string inner in Walk(value, path, withInner)) yield return inner;
        }
    }

    private static bool IsModel(Type type) => type is { IsClass: true, Namespace: "NodeAgent.Core.Model" };

    /// <summary>A pod in which only this field is set, to a sample of its type.</summary>
    private static string DocumentWith(string path)
    {
        var pod = System.Text.Json.Nodes.JsonNode.Parse("""{"apiVersion":"v1","kind":"Pod"}""")!.AsObject();
        System.Text.Json.Nodes.JsonObject at = pod;
        var type = KubernetesJson.Default.Pod as System.Text.Json.Serialization.Metadata.JsonTypeInfo;
        string[] parts = path.Split('.');
        for (int i = 0; i < parts.Length; i++)
        {
            bool isItem = parts[i].EndsWith("[]", StringComparison.Ordinal);
            string name = isItem ? parts[i][..^2] : parts[i];
            type = KubernetesJson.Default.Options.GetTypeInfo(type.Properties.Single(p => p.Name == name).PropertyType);
            if (i == parts.Length - 1)
            {
                // "true" is what is done anyway; a sample has to ask for more.
                at[name] = ModelSample.Of(type, "sample") is System.Text.Json.Nodes.JsonValue value && value.TryGetValue(out bool _)
                    ? false
                    : ModelSample.Of(type, "sample");
                break;
            }
            var next = new System.Text.Json.Nodes.JsonObject();
            if (isItem) type = KubernetesJson.Default.Options.GetTypeInfo(type.ElementType!);
            at[name] = isItem ? new System.Text.Json.Nodes.JsonArray(next) : next;
            at = next;
        }
        return pod.ToJsonString();
    }
}
