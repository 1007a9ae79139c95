using System.Text.Json;

namespace NodeAgent.Cli.Client;

/// <summary>The pods that a command line means: by name (<c>pod/web pod/db</c>, <c>pods web db</c>), by selector, or all.</summary>
/// <param name="Names">Empty when selectors decide.</param>
/// <param name="Namespace">Null for all namespaces, never with names.</param>
internal sealed record PodTargets(IReadOnlyList<string> Names, string? Labels, string? Fields, string? Namespace)
{
    /// <param name="command">For errors.</param>
    /// <exception cref="PodctlException">2: the words do not go together.</exception>
    public static PodTargets Of(string command, string[] words, string? labels, string? fields, bool all, string? podNamespace)
    {
        IReadOnlyList<string> names = NamesIn(command, words);
        bool selects = labels is not null || fields is not null || all;
        if (names.Count > 0 && selects) throw Wrong(command, "names and -l, --field-selector or --all do not go together");
        if (names.Count == 0 && !selects) throw Wrong(command, "say which pods: names, -l, --field-selector or --all");
        if (names.Count > 0 && podNamespace is null) throw Wrong(command, "a name and --all-namespaces do not go together; say the namespace with -n");
        if (all && labels is not null) throw Wrong(command, "-l and --all do not go together");
        return new PodTargets(names, labels, fields, podNamespace);
    }

    /// <summary>The part of a list's or a watch's query that narrows it to these; names beyond the first are picked by the reader.</summary>
    public string Query()
    {
        string? fields = Names.Count == 1 ? "metadata.name=" + Names[0] : Fields;
        var parts = new List<string>();
        if (!string.IsNullOrEmpty(Labels)) parts.Add("labelSelector=" + Uri.EscapeDataString(Labels));
        if (!string.IsNullOrEmpty(fields)) parts.Add("fieldSelector=" + Uri.EscapeDataString(fields));
        return string.Join('&', parts);
    }

    public bool Contains(JsonElement pod) => Names.Count == 0 || Names.Contains(pod.GetProperty("metadata").GetProperty("name").GetString()!);

    private static IReadOnlyList<string> NamesIn(string command, string[] words)
    {
        if (words.Length == 0) return [];
        if (words[0].Contains('/', StringComparison.Ordinal))
        {
            if (!Array.TrueForAll(words, word => word.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash && slash < word.Length - 1))
                throw Wrong(command, "either pods NAME… or pod/NAME…, not both");
            return [.. words.Select(ResourceKind.PodName).Distinct(StringComparer.Ordinal)];
        }
        ResourceKind kind = ResourceKind.Parse(words[0]);
        if (kind != ResourceKind.Pods) throw Wrong(command, $"pods are expected here, not {kind.Plural}");
        if (Array.Exists(words, word => word.Contains('/', StringComparison.Ordinal))) throw Wrong(command, "either pods NAME… or pod/NAME…, not both");
        return [.. words[1..].Distinct(StringComparer.Ordinal)];
    }

    private static PodctlException Wrong(string command, string why) => new($"{command}: {why}", ExitCode.WrongCommandLine);
}
