namespace NodeAgent.Cli.Client;

/// <summary>A kind of object that can be got, under the names that kubectl knows it by.</summary>
/// <param name="Singular">As in <c>pod/web</c>.</param>
/// <param name="Prefix">Path up to the namespace or the plural.</param>
internal sealed record ResourceKind(string Plural, string Singular, string Prefix, bool Namespaced, params string[] ShortNames)
{
    private const string Own = "/apis/podagent.io/v1alpha1";

    public static ResourceKind Pods { get; } = new("pods", "pod", "/api/v1", true, "po");
    public static ResourceKind Events { get; } = new("events", "event", "/api/v1", true, "ev");
    public static ResourceKind Nodes { get; } = new("nodes", "node", "/api/v1", false, "no");
    public static ResourceKind Images { get; } = new("images", "image", Own, false, "img");
    public static ResourceKind ManifestErrors { get; } = new("manifesterrors", "manifesterror", Own, false);

    public static IReadOnlyList<ResourceKind> All { get; } = [Pods, Events, Nodes, Images, ManifestErrors];

    /// <summary>What <c>-o name</c> puts before the slash: the group belongs to it.</summary>
    public string QualifiedSingular => Prefix == Own ? Singular + ".podagent.io" : Singular;

    public static ResourceKind Parse(string name) =>
        All.FirstOrDefault(kind => string.Equals(kind.Plural, name, StringComparison.OrdinalIgnoreCase)
            || string.Equals(kind.Singular, name, StringComparison.OrdinalIgnoreCase)
            || string.Equals(kind.QualifiedSingular, name, StringComparison.OrdinalIgnoreCase)
            || kind.ShortNames.Contains(name, StringComparer.OrdinalIgnoreCase))
        ?? throw new PodctlException($"there is no kind \"{name}\" here (kinds: {string.Join(", ", All.Select(kind => kind.Plural))})", ExitCode.WrongCommandLine);

    /// <param name="objectNamespace">Null for all namespaces.</param>
    public string Path(string? objectNamespace, string? name = null) =>
        Prefix + (Namespaced && objectNamespace is not null ? "/namespaces/" + Uri.EscapeDataString(objectNamespace) : "") + "/" + Plural
        + (name is null ? "" : "/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));

    /// <summary><c>web</c> or <c>pod/web</c>, where a pod is meant.</summary>
    public static string PodName(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return text;
        ResourceKind kind = Parse(text[..slash]);
        return kind == Pods ? text[(slash + 1)..] : throw new PodctlException($"{text}: a pod is expected here, not a {kind.Singular}", ExitCode.WrongCommandLine);
    }
}
