using System.Text.RegularExpressions;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Variables and where their values come from.</summary>
internal static partial class EnvironmentValidator
{
    private static readonly string[] EnvFields =
    [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ];

    private static readonly string[] VolumeFields =
        ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"];

    private static readonly string[] CpuDivisors = ["1m", "1"];
    private static readonly string[] ByteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

    [GeneratedRegex(@"^metadata\.(labels|annotations)\['(?<key>[^']*)'\]$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SubscriptedField();

    public static void Env(IReadOnlyList<EnvVar>? variables, PodSpec spec, ValidationScope at)
    {
        for (int i = 0; i < (variables?.Count ?? 0); i++)
        {
            EnvVar variable = variables![i];
            if (at[i]["name"].Required(variable.Name))
                at[i]["name"].Spelled(variable.Name, Syntax.IsEnvName, "printable ASCII characters without =");
            if (variable.ValueFrom is not { } from) continue;
            ValidationScope scope = at[i]["valueFrom"];
            if (!string.IsNullOrEmpty(variable.Value))
                scope.Exclusive("may not be set together with value", "keep one of the two");
            object?[] sources = [from.FieldRef, from.ResourceFieldRef, from.ConfigMapKeyRef, from.SecretKeyRef, from.FileKeyRef];
            int count = sources.Count(s => s is not null);
            const string names = "fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef";
            if (count == 0) scope.Missing($"write one of {names} under it");
            if (count > 1) scope.Exclusive($"has {count} sources, expected one of {names}", "keep one of them");
            Field(from.FieldRef, EnvFields, scope["fieldRef"]);
            Resource(from.ResourceFieldRef, spec, needsContainer: false, scope["resourceFieldRef"]);
            if (from.ConfigMapKeyRef is { } map) Key(map.Name, map.Key, scope["configMapKeyRef"]);
            if (from.SecretKeyRef is { } secret) Key(secret.Name, secret.Key, scope["secretKeyRef"]);
            if (from.FileKeyRef is { } file) File(file, spec, scope["fileKeyRef"]);
        }
    }

    public static void EnvFrom(IReadOnlyList<EnvFromSource>? sources, ValidationScope at)
    {
        for (int i = 0; i < (sources?.Count ?? 0); i++)
        {
            EnvFromSource source = sources![i];
            at[i]["prefix"].Spelled(PodDefaults.NullIfEmpty(source.Prefix), Syntax.IsEnvName, "printable ASCII characters without =");
            if (source.ConfigMapRef is null == source.SecretRef is null)
                at[i].Exclusive("needs exactly one of configMapRef and secretRef");
            if (source.ConfigMapRef is { } map && at[i]["configMapRef"]["name"].Required(map.Name))
                at[i]["configMapRef"]["name"].DnsSubdomain(map.Name);
            if (source.SecretRef is { } secret && at[i]["secretRef"]["name"].Required(secret.Name))
                at[i]["secretRef"]["name"].DnsSubdomain(secret.Name);
        }
    }

    public static void VolumeFile(DownwardApiVolumeFile file, PodSpec spec, ValidationScope at)
    {
        if (file.FieldRef is null == file.ResourceFieldRef is null) at.Exclusive("needs exactly one of fieldRef and resourceFieldRef");
        Field(file.FieldRef, VolumeFields, at["fieldRef"]);
        Resource(file.ResourceFieldRef, spec, needsContainer: true, at["resourceFieldRef"]);
        at["mode"].FileMode(file.Mode);
    }

    private static void Field(ObjectFieldSelector? field, string[] allowed, ValidationScope at)
    {
        if (field is null) return;
        if (field.ApiVersion != "v1") at["apiVersion"].OneOf(field.ApiVersion, "v1");
        if (!at["fieldPath"].Required(field.FieldPath)) return;
        string path = field.FieldPath!;
        if (allowed.Contains(path, StringComparer.Ordinal)) return;
        if (path.Length < 1024 && SubscriptedField().Match(path) is { Success: true } match)
        {
            at["fieldPath"].Spelled(match.Groups["key"].Value, Syntax.IsQualifiedName, "as key " + Syntax.QualifiedNameRule);
            return;
        }
        at["fieldPath"].Error(ManifestReason.UnsupportedValue,
            $"is {ManifestText.Quote(path)}, expected one of {string.Join(", ", allowed)}, metadata.labels['<key>'], metadata.annotations['<key>']",
            Spelling.Nearest(path, allowed) is { } nearest ? $"did you mean {nearest}?" : "");
    }

    private static void Resource(ResourceFieldSelector? selector, PodSpec spec, bool needsContainer, ValidationScope at)
    {
        if (selector is null) return;
        if (needsContainer) at["containerName"].Required(selector.ContainerName);
        if (!string.IsNullOrEmpty(selector.ContainerName) && !Containers(spec).Any(c => c.Name == selector.ContainerName))
        {
            at["containerName"].Error(ManifestReason.MissingReference,
                $"{ManifestText.Quote(selector.ContainerName)} is no container of this pod");
        }
        if (!at["resource"].Required(selector.Resource)) return;
        string[] parts = selector.Resource!.Split('.', 2);
        bool known = parts.Length == 2 && parts[0] is "limits" or "requests"
            && (parts[1] is ResourceName.Cpu or ResourceName.Memory or ResourceName.EphemeralStorage
                || parts[1].StartsWith(ResourceName.HugePagesPrefix, StringComparison.Ordinal));
        if (!known)
        {
            at["resource"].Error(ManifestReason.UnsupportedValue,
                $"is {ManifestText.Quote(selector.Resource)}, expected limits or requests of cpu, memory, ephemeral-storage or hugepages-<size>",
                "for example limits.memory");
            return;
        }
        if (selector.Divisor is not { IsZero: false } divisor) return;
        string[] divisors = parts[1] == ResourceName.Cpu ? CpuDivisors : ByteDivisors;
        at["divisor"].OneOf(divisor.ToString(), divisors);
    }

    private static void Key(string? name, string? key, ValidationScope at)
    {
        if (at["name"].Required(name)) at["name"].DnsSubdomain(name);
        if (at["key"].Required(key)) at["key"].Spelled(key, Syntax.IsConfigKey, "letters, digits, -, _ and .");
    }

    private static void File(FileKeySelector file, PodSpec spec, ValidationScope at)
    {
        if (at["volumeName"].Required(file.VolumeName) && spec.Volumes?.Any(v => v.Name == file.VolumeName) != true)
            at["volumeName"].Error(ManifestReason.MissingReference, $"{ManifestText.Quote(file.VolumeName!)} is no volume of this pod");
        if (at["path"].Required(file.Path) && !Syntax.StaysInside(file.Path!)) at["path"].Invalid("must be a relative path without ..");
        if (at["key"].Required(file.Key)) at["key"].Spelled(file.Key, Syntax.IsEnvName, "printable ASCII characters without =");
    }

    private static IEnumerable<Container> Containers(PodSpec spec) => [.. spec.InitContainers ?? [], .. spec.Containers ?? []];
}
