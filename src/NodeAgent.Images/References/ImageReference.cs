using System.Diagnostics.CodeAnalysis;
using NodeAgent.Core.Cri;

namespace NodeAgent.Images.References;

/// <summary>
/// The normalised name of an image, parsed as docker and containerd do:
/// <code>
/// reference := [ domain "/" ] path [ ":" tag ] [ "@" digest ]
/// domain    := ( name *( "." name ) | "[" IPv6 "]" ) [ ":" port ]
/// path      := component *( "/" component )      component := [a-z0-9]+ *( ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ )
/// tag       := [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
/// </code>
/// The part before the first slash is a domain when it has a dot, a colon or an upper-case letter, or is <c>localhost</c>; else the domain is
/// <c>docker.io</c>, where a path of one component gets <c>library/</c> before it. No tag and no digest means <c>latest</c>.
/// Source: the grammar of the distribution project's reference package and its familiar names.
/// </summary>
/// <param name="Domain">Registry host with its port.</param>
/// <param name="Path">Repository within the registry, at most 255 characters.</param>
/// <param name="Tag">Null when a digest alone names the image.</param>
/// <param name="Digest">Wins over the tag.</param>
public readonly record struct ImageReference(string Domain, string Path, string? Tag, Digest? Digest)
{
    public const string DefaultDomain = "docker.io";
    public const string DefaultTag = "latest";
    internal const string OfficialPrefix = "library/";
    private const int MaxPathLength = 255;
    private const int MaxTagLength = 128;
    private const int MaxLength = 1024;

    /// <summary>Domain and path: <c>docker.io/library/busybox</c>.</summary>
    public string Repository => $"{Domain}/{Path}";

    /// <summary>What identifies the image: the digest form when there is a digest, whatever the tag says; else the tagged form.</summary>
    public string Canonical => Digest is { } digest ? $"{Repository}@{digest}" : $"{Repository}:{Tag}";

    public override string ToString() =>
        Repository + (Tag is null ? "" : ":" + Tag) + (Digest is { } digest ? "@" + digest : "");

    /// <summary>Throws <see cref="ImageException"/> with <see cref="ImageFailure.InvalidImageName"/>.</summary>
    public static ImageReference Parse(string text) =>
        TryParse(text, out ImageReference reference, out string? problem)
            ? reference
            : throw new ImageException(ImageFailure.InvalidImageName, OneLine($"image name '{(text.Length <= 256 ? text : text[..256] + "…")}': {problem}"));

    public static bool TryParse([NotNullWhen(true)] string? text, out ImageReference reference, [NotNullWhen(false)] out string? problem)
    {
        reference = default;
        if (string.IsNullOrEmpty(text))
            return Fail("it is empty", out problem);
        if (text.Length > MaxLength)
            return Fail($"it has {text.Length} characters", out problem);
        if (text.Length == 64 && !text.AsSpan().ContainsAnyExcept("0123456789abcdef"))
            return Fail("64 hexadecimal digits are an image id, not a name; write sha256: before them", out problem);

        Split(text, out string domain, out ReadOnlySpan<char> rest);

        Digest? digest = null;
        int at = rest.IndexOf('@');
        if (at >= 0)
        {
            if (!References.Digest.TryParse(rest[(at + 1)..], out Digest parsed))
                return Fail($"'{rest[(at + 1)..]}' is not a digest: sha256: with 64 or sha512: with 128 lower-case hexadecimal digits is", out problem);
            digest = parsed;
            rest = rest[..at];
        }

        string? tag = null;
        int colon = rest.IndexOf(':');
        if (colon >= 0)
        {
            tag = rest[(colon + 1)..].ToString();
            rest = rest[..colon];
            if (!IsTag(tag))
                return Fail($"'{tag}' is not a tag: 1 to {MaxTagLength} letters, digits, '_', '.' and '-', not starting with '.' or '-'", out problem);
        }

        if (!IsDomain(domain))
            return Fail($"'{domain}' is not a registry host", out problem);
        if (DescribeBadPath(rest) is { } bad)
            return Fail(bad, out problem);

        string path = rest.ToString();
        if (domain == DefaultDomain && !path.Contains('/', StringComparison.Ordinal))
            path = OfficialPrefix + path;
        if (path.Length > MaxPathLength)
            return Fail($"the repository has {path.Length} characters; {MaxPathLength} is the most", out problem);

        reference = new ImageReference(domain, path, tag ?? (digest is null ? DefaultTag : null), digest);
        problem = null;
        return true;
    }

    private static void Split(string text, out string domain, out ReadOnlySpan<char> rest)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash >= 0)
        {
            ReadOnlySpan<char> first = text.AsSpan(0, slash);
            if (IsDomainPart(first))
            {
                domain = NormalDomain(first.ToString());
                rest = text.AsSpan(slash + 1);
                return;
            }
        }
        domain = DefaultDomain;
        rest = text;
    }

    /// <summary>Whether what stands before the first slash of a name is a registry.</summary>
    internal static bool IsDomainPart(ReadOnlySpan<char> first) => first.ContainsAny('.', ':') || first is "localhost" || first.ContainsAnyInRange('A', 'Z');

    internal static string NormalDomain(string domain) => domain == "index.docker.io" ? DefaultDomain : domain;

    private static bool IsDomain(ReadOnlySpan<char> domain)
    {
        ReadOnlySpan<char> host = domain;
        ReadOnlySpan<char> port = default;
        bool hasPort;
        if (domain.StartsWith("["))
        {
            int close = domain.IndexOf(']');
            if (close < 2 || domain[1..close].ContainsAnyExcept("0123456789abcdefABCDEF:"))
                return false;
            host = default;
            hasPort = close + 1 < domain.Length;
            if (hasPort && domain[close + 1] != ':')
                return false;
            if (hasPort)
                port = domain[(close + 2)..];
        }
        else
        {
            int colon = domain.IndexOf(':');
            hasPort = colon >= 0;
            if (hasPort)
            {
                host = domain[..colon];
                port = domain[(colon + 1)..];
            }
            foreach (Range part in host.Split('.'))
            {
                if (!IsDomainComponent(host[part]))
                    return false;
            }
        }
        return !hasPort || (!port.IsEmpty && port.Length <= 5 && !port.ContainsAnyExceptInRange('0', '9') && int.Parse(port) is > 0 and <= 65535);
    }

    private static bool IsDomainComponent(ReadOnlySpan<char> part)
    {
        if (part.IsEmpty || part[0] == '-' || part[^1] == '-')
            return false;
        foreach (char c in part)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                return false;
        }
        return true;
    }

    private static bool IsTag(ReadOnlySpan<char> tag)
    {
        if (tag.IsEmpty || tag.Length > MaxTagLength || tag[0] is '.' or '-')
            return false;
        foreach (char c in tag)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
                return false;
        }
        return true;
    }

    private static string? DescribeBadPath(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty)
            return "the repository is missing";
        if (path.ContainsAnyInRange('A', 'Z'))
            return $"the repository '{path}' must be lower case";
        foreach (Range range in path.Split('/'))
        {
            ReadOnlySpan<char> component = path[range];
            if (component.IsEmpty)
                return $"the repository '{path}' has an empty part";
            if (!IsPathComponent(component))
                return $"'{component}' is not a part of a repository: lower-case letters and digits, parted by one '.', one or two '_', or '-'";
        }
        return null;
    }

    private static bool IsPathComponent(ReadOnlySpan<char> component)
    {
        bool alphanumeric = false;
        for (int i = 0; i < component.Length;)
        {
            if (char.IsAsciiLetterLower(component[i]) || char.IsAsciiDigit(component[i]))
            {
                alphanumeric = true;
                i++;
                continue;
            }
            int end = i;
            while (end < component.Length && component[end] == component[i])
                end++;
            int most = component[i] switch { '.' => 1, '_' => 2, '-' => int.MaxValue, _ => 0 };
            // A separator stands between two alphanumeric runs, never at an end or beside another separator.
            if (!alphanumeric || end == component.Length || end - i > most)
                return false;
            alphanumeric = false;
            i = end;
        }
        return alphanumeric;
    }

    private static bool Fail(string why, [NotNull] out string? problem)
    {
        problem = why;
        return false;
    }

    private static string OneLine(string message) => string.Concat(message.Select(c => char.IsControl(c) ? '?' : c));
}
