using System.Net.Http.Headers;

namespace NodeAgent.Images.Registry;

/// <summary>How a registry wants to be convinced: the parameters of a <c>WWW-Authenticate</c> header (RFC 9110 §11.6.1).</summary>
/// <param name="Scheme">In lower case: <c>bearer</c>, <c>basic</c>.</param>
/// <param name="Parameters">By name in lower case.</param>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    public string? Realm => Parameters.GetValueOrDefault("realm");
    public string? Service => Parameters.GetValueOrDefault("service");
    public string? Scope => Parameters.GetValueOrDefault("scope");
    public string? Error => Parameters.GetValueOrDefault("error");

    /// <summary>The challenge that can be met best: a token's, else basic; null when there is none of these.</summary>
    public static Challenge? Choose(HttpHeaderValueCollection<AuthenticationHeaderValue> headers)
    {
        List<Challenge> all = [.. headers.Select(header => new Challenge(header.Scheme.ToLowerInvariant(), Parse(header.Parameter ?? "")))];
        return all.Find(challenge => challenge.Scheme == "bearer" && challenge.Realm is not null) ?? all.Find(challenge => challenge.Scheme == "basic");
    }

    /// <summary><c>name=token</c> and <c>name="quoted \"string\""</c>, parted by commas. What is neither ends the list.</summary>
    public static Dictionary<string, string> Parse(string text)
    {
        Dictionary<string, string> parameters = new(StringComparer.Ordinal);
        int at = 0;
        while (true)
        {
            while (at < text.Length && text[at] is ' ' or '\t' or ',')
                at++;
            int equals = at < text.Length ? text.IndexOf('=', at) : -1;
            if (equals < 0)
                return parameters;
            string name = text[at..equals].Trim().ToLowerInvariant();
            at = equals + 1;
            if (at < text.Length && text[at] == '"')
            {
                if (ReadQuoted(text, ref at) is not { } quoted)
                    return parameters;
                parameters[name] = quoted;
                continue;
            }
            int end = text.IndexOf(',', at);
            end = end < 0 ? text.Length : end;
            parameters[name] = text[at..end].Trim();
            at = end;
        }
    }

    private static string? ReadQuoted(string text, ref int at)
    {
        System.Text.StringBuilder value = new();
        for (int i = at + 1; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                at = i + 1;
                return value.ToString();
            }
            if (text[i] == '\\' && i + 1 < text.Length)
                i++;
            value.Append(text[i]);
        }
        return null;
    }
}
