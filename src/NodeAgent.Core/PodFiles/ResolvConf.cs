using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.PodFiles;

/// <summary>The parts of a <c>resolv.conf</c>, see resolv.conf(5).</summary>
public sealed record ResolvConf(IReadOnlyList<string> Nameservers, IReadOnlyList<string> Searches, IReadOnlyList<string> Options)
{
    // The resolver's own limits, and the kubelet's for searches.
    public const int MaxNameservers = 3;
    public const int MaxSearches = 32;
    public const int MaxSearchCharacters = 2048;

    public static ResolvConf Empty { get; } = new([], [], []);

    /// <summary>What a pod's file says, and what had to be left out of it.</summary>
    public sealed record Composed(string Text, IReadOnlyList<string> Omitted);

    /// <summary>Comments and unknown keywords are left out; the last <c>search</c> line counts, every <c>options</c> line adds.</summary>
    public static ResolvConf Parse(string text)
    {
        var nameservers = new List<string>();
        var options = new List<string>();
        string[] searches = [];
        foreach (string line in text.Split('\n'))
        {
            int comment = line.AsSpan().IndexOfAny('#', ';');
            string[] words = (comment < 0 ? line : line[..comment]).Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2) continue;
            switch (words[0])
            {
                case "nameserver":
                    nameservers.Add(words[1]);
                    break;
                case "search" or "domain":
                    // A lone dot means "no search list"; it would be an error to a libc that sees it among others.
                    searches = [.. words[1..].Where(word => word != ".").Select(word => word.Length > 1 ? word.TrimEnd('.') : word)];
                    break;
                case "options":
                    options.AddRange(words[1..]);
                    break;
                default:
                    break;
            }
        }
        return new ResolvConf(nameservers, searches, options);
    }

    /// <summary>Whether every server is on the loopback, which only the node's own network namespace can reach.</summary>
    public bool OnlyLoopback => Nameservers.Count > 0
        && Nameservers.All(server => server == "::1" || server.StartsWith("127.", StringComparison.Ordinal));

    /// <summary>
    /// The file of a pod: the node's servers unless <c>dnsPolicy: None</c>, then what <c>dnsConfig</c> adds. The cluster policies mean the node's
    /// servers too as long as there is no cluster DNS.
    /// </summary>
    public static Composed ForPod(PodSpec spec, ResolvConf node)
    {
        ResolvConf start = spec.DnsPolicy == DnsPolicy.None ? Empty : node;
        var omitted = new List<string>();
        List<string> nameservers = Union(start.Nameservers, spec.DnsConfig?.Nameservers);
        List<string> searches = Union(start.Searches, spec.DnsConfig?.Searches);
        List<string> options = MergeOptions(start.Options, spec.DnsConfig?.Options);

        if (nameservers.Count > MaxNameservers)
        {
            omitted.Add($"nameservers over {MaxNameservers}: {string.Join(", ", nameservers.Skip(MaxNameservers))}");
            nameservers.RemoveRange(MaxNameservers, nameservers.Count - MaxNameservers);
        }
        int fitting = FittingSearches(searches);
        if (searches.Count > fitting)
        {
            omitted.Add($"search domains over {MaxSearches} or {MaxSearchCharacters} characters: {string.Join(", ", searches.Skip(fitting))}");
            searches.RemoveRange(fitting, searches.Count - fitting);
        }
        return new Composed(Format(nameservers, searches, options), omitted);
    }

    private static string Format(List<string> nameservers, List<string> searches, List<string> options)
    {
        var text = new StringBuilder(256);
        if (searches.Count > 0) text.Append("search ").AppendJoin(' ', searches).Append('\n');
        foreach (string server in nameservers) text.Append("nameserver ").Append(server).Append('\n');
        if (options.Count > 0) text.Append("options ").AppendJoin(' ', options).Append('\n');
        return text.ToString();
    }

    private static List<string> Union(IReadOnlyList<string> first, IReadOnlyList<string>? second)
    {
        var union = new List<string>(first.Count + (second?.Count ?? 0));
        foreach (string item in first.Concat(second ?? []))
        {
            if (!union.Contains(item)) union.Add(item);
        }
        return union;
    }

    // An option is "name" or "name:value"; the pod's value for a name replaces the node's.
    private static List<string> MergeOptions(IReadOnlyList<string> node, IReadOnlyList<PodDnsConfigOption>? own)
    {
        var merged = new List<string>(node.Count);
        foreach (string option in node)
        {
            string name = option.Split(':')[0];
            if (own?.Any(o => o.Name == name) != true) merged.Add(option);
        }
        foreach (PodDnsConfigOption option in own ?? [])
        {
            if (option.Name is { Length: > 0 }) merged.Add(option.Value is { Length: > 0 } value ? $"{option.Name}:{value}" : option.Name);
        }
        return merged;
    }

    private static int FittingSearches(List<string> searches)
    {
        int characters = 0;
        for (int i = 0; i < Math.Min(searches.Count, MaxSearches); i++)
        {
            characters += searches[i].Length + (i > 0 ? 1 : 0);
            if (characters > MaxSearchCharacters) return i;
        }
        return Math.Min(searches.Count, MaxSearches);
    }
}
