using System.Buffers;

namespace NodeAgent.Images.References;

/// <summary>
/// Which images the configuration pins. A pattern is the name of an image as a manifest may write it, or the beginning of one and a <c>*</c>:
/// <code>
/// busybox                  docker.io/library/busybox:latest and no other tag
/// busybox:1.36@sha256:…    that digest
/// registry.k8s.io/pause:*  every tag
/// busybox*  acme/*         a beginning without a registry means docker.io, and library/ there when it has no slash
/// *                        every image that has a name
/// </code>
/// </summary>
public sealed class PinnedNames
{
    private const string Any = "*";
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@[]");

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<string> _beginnings = [];

    private PinnedNames()
    {
    }

    public static PinnedNames None { get; } = new();

    /// <param name="patterns">Without a <see cref="Problem"/>; throws <see cref="Core.Cri.ImageException"/> for one that has.</param>
    public static PinnedNames Of(IEnumerable<string> patterns)
    {
        var pinned = new PinnedNames();
        foreach (string pattern in patterns)
        {
            if (pattern.EndsWith(Any, StringComparison.Ordinal))
                pinned._beginnings.AddRange(Beginnings(pattern[..^1]));
            else
                pinned._names.Add(ImageReference.Parse(pattern).Canonical);
        }

        return pinned;
    }

    /// <returns>What is wrong with a pattern; null for nothing.</returns>
    public static string? Problem(string pattern)
    {
        if (!pattern.EndsWith(Any, StringComparison.Ordinal))
            return ImageReference.TryParse(pattern, out _, out string? problem) ? null : problem;
        int bad = pattern.AsSpan(0, pattern.Length - 1).IndexOfAnyExcept(NameCharacters);
        return bad switch
        {
            < 0 => null,
            _ when pattern[bad] == Any[0] => "a * may stand at the end only",
            _ => $"'{pattern[bad]}' is in no image's name",
        };
    }

    /// <param name="name">The canonical form of a reference that the image is known by, with a tag or a digest.</param>
    public bool Matches(string name) => _names.Contains(name) || _beginnings.Exists(beginning => name.StartsWith(beginning, StringComparison.Ordinal));

    private static IEnumerable<string> Beginnings(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (text.Length == 0)
            return [""];
        if (slash < 0)
            return [$"{ImageReference.DefaultDomain}/{ImageReference.OfficialPrefix}{text}"];
        if (!ImageReference.IsDomainPart(text.AsSpan(0, slash)))
            return [$"{ImageReference.DefaultDomain}/{text}"];
        string domain = ImageReference.NormalDomain(text[..slash]), rest = text[(slash + 1)..];
        // docker.io/busybox is short for docker.io/library/busybox, and docker.io/acme may go on as docker.io/acme/web.
        return domain == ImageReference.DefaultDomain && !rest.Contains('/', StringComparison.Ordinal)
            ? [$"{domain}/{rest}", $"{domain}/{ImageReference.OfficialPrefix}{rest}"]
            : [$"{domain}/{rest}"];
    }
}
