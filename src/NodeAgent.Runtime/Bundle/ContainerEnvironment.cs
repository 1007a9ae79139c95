using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Bundle;

/// <summary>A container's variables. Later ones replace earlier ones of the same name in their place: PATH, HOSTNAME and TERM, the image's, the manifest's, then HOME if nobody set it.</summary>
public static class ContainerEnvironment
{
    /// <param name="hostname">The pod's.</param>
    /// <param name="home">The user's home directory in the image's passwd, or null.</param>
    /// <returns><c>NAME=value</c>, each name once.</returns>
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: a variable's source cannot be had.</exception>
    public static IReadOnlyList<string> Resolve(
        ImageConfig image, IReadOnlyList<KeyValuePair<string, string>> manifest, string hostname, string? home, bool tty)
    {
        Variables variables = new();
        variables.Set("PATH", ExecSearch.DefaultPath);
        variables.Set("HOSTNAME", hostname);
        if (tty) variables.Set("TERM", "xterm");
        foreach (string entry in image.Env)
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            // An entry without a value has nothing to inherit it from here.
            if (equals > 0) variables.Set(entry[..equals], entry[(equals + 1)..]);
        }
        foreach ((string name, string value) in manifest) variables.Set(name, value);
        // The runtimes of the field look at the value too: an empty HOME is none.
        if (variables.Find("HOME") is null or "") variables.Set("HOME", string.IsNullOrEmpty(home) ? "/" : home);
        return variables.ToList();
    }

    /// <summary>
    /// The manifest's <c>env</c>, in order; a name given twice has its last value, in its first place.
    /// Values may refer to variables above them by <c>$(NAME)</c>; what comes from a reference to a field is not expanded.
    /// </summary>
    public static IReadOnlyList<KeyValuePair<string, string>> FromManifest(Container container, DownwardFacts facts)
    {
        if (container.EnvFrom is { Count: > 0 }) RefuseEnvFrom(container.EnvFrom);
        Variables variables = new();
        foreach (EnvVar variable in container.Env ?? [])
        {
            if (string.IsNullOrEmpty(variable.Name)) continue;
            string? value = string.IsNullOrEmpty(variable.Value) && variable.ValueFrom is { } source
                ? FromSource(container, facts, variable.Name, source)
                : VariableExpansion.Expand(variable.Value ?? "", variables.Find);
            if (value is not null) variables.Set(variable.Name, value);
        }
        return variables.All;
    }

    // Null for an optional source that is not there: the variable is then not set.
    private static string? FromSource(Container container, DownwardFacts facts, string name, EnvVarSource source)
    {
        if (source.FieldRef is { } field) return DownwardApi.Field(facts, field.FieldPath ?? "");
        if (source.ResourceFieldRef is { } resource) return DownwardApi.Resource(facts, container, resource);
        // This node has no ConfigMaps, Secrets or environment files yet, so a reference meets what the kubelet says of one that does not exist.
        if (source.ConfigMapKeyRef is { } configMap) return configMap.Optional == true ? null : throw Refusal($"configmap \"{configMap.Name}\" not found");
        if (source.SecretKeyRef is { } secret) return secret.Optional == true ? null : throw Refusal($"secret \"{secret.Name}\" not found");
        if (source.FileKeyRef is { } file) return file.Optional == true ? null : throw Refusal($"variable {name}: environment file {file.Path} of volume {file.VolumeName} not found");
        throw Refusal($"variable {name}: valueFrom names no source");
    }

    private static void RefuseEnvFrom(IReadOnlyList<EnvFromSource> sources)
    {
        foreach (EnvFromSource source in sources)
        {
            if (source.ConfigMapRef is { } configMap && configMap.Optional != true) throw Refusal($"configmap \"{configMap.Name}\" not found");
            if (source.SecretRef is { } secret && secret.Optional != true) throw Refusal($"secret \"{secret.Name}\" not found");
        }
    }

    private static PodRuntimeException Refusal(string message) => new(RuntimeFailure.CreateContainerConfigError, message);

    private sealed class Variables
    {
        private readonly List<KeyValuePair<string, string>> _all = [];

        public IReadOnlyList<KeyValuePair<string, string>> All => _all;

        public string? Find(string name)
        {
            int index = IndexOf(name);
            return index < 0 ? null : _all[index].Value;
        }

        public void Set(string name, string value)
        {
            int index = IndexOf(name);
            if (index < 0) _all.Add(new(name, value));
            else _all[index] = new(name, value);
        }

        public List<string> ToList() => [.. _all.Select(variable => $"{variable.Key}={variable.Value}")];

        private int IndexOf(string name) => _all.FindIndex(variable => variable.Key == name);
    }
}
