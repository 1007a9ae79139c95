namespace NodeAgent.Api.Selectors;

/// <summary>
/// The text form of a label selector: <c>a=b,c!=d,e in (f,g),h notin (i),j,!k</c>, all of which have to hold.
/// Source: apimachinery's labels.Parse. As there, a label that is missing satisfies <c>!=</c> and <c>notin</c>.
/// </summary>
internal sealed class LabelSelectorExpression
{
    private readonly IReadOnlyList<Requirement> _requirements;

    private LabelSelectorExpression(IReadOnlyList<Requirement> requirements) => _requirements = requirements;

    public static LabelSelectorExpression Everything { get; } = new([]);

    private enum Operator
    {
        Exists,
        Missing,
        In,
        NotIn,
    }

    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        foreach (Requirement requirement in _requirements)
        {
            string? value = null;
            bool present = labels?.TryGetValue(requirement.Key, out value) == true;
            bool holds = requirement.Operator switch
            {
                Operator.Exists => present,
                Operator.Missing => !present,
                Operator.In => present && requirement.Values.Contains(value!),
                _ => !present || !requirement.Values.Contains(value!),
            };
            if (!holds) return false;
        }
        return true;
    }

    /// <exception cref="ApiException">400, naming the part that can't be read.</exception>
    public static LabelSelectorExpression Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return Everything;
        var requirements = new List<Requirement>();
        foreach (string part in SplitOutsideParentheses(text)) requirements.Add(ParseRequirement(part.Trim(), text));
        return new LabelSelectorExpression(requirements);
    }

    private static Requirement ParseRequirement(string part, string whole)
    {
        if (part.StartsWith('!')) return new Requirement(Key(part[1..].Trim(), whole), Operator.Missing, []);
        int sign = part.IndexOf('=', StringComparison.Ordinal);
        if (sign >= 0 && !part.Contains('(', StringComparison.Ordinal))
        {
            bool not = sign > 0 && part[sign - 1] == '!';
            string key = part[..(not ? sign - 1 : sign)];
            string value = part[(part.AsSpan(sign).StartsWith("==") ? sign + 2 : sign + 1)..].Trim();
            if (value.AsSpan().ContainsAny("=! ")) throw Unreadable(part, whole);
            return new Requirement(Key(key.Trim(), whole), not ? Operator.NotIn : Operator.In, new HashSet<string>([value], StringComparer.Ordinal));
        }
        int open = part.IndexOf('(', StringComparison.Ordinal);
        if (open < 0) return new Requirement(Key(part, whole), Operator.Exists, []);
        string[] words = part[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 2 || words[1] is not ("in" or "notin") || !part.EndsWith(')')) throw Unreadable(part, whole);
        var values = part[(open + 1)..^1].Split(',').Select(value => value.Trim()).ToHashSet(StringComparer.Ordinal);
        return new Requirement(Key(words[0], whole), words[1] == "in" ? Operator.In : Operator.NotIn, values);
    }

    private static IEnumerable<string> SplitOutsideParentheses(string text)
    {
        int start = 0, depth = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            else if (text[i] == ')') depth--;
            else if (text[i] == ',' && depth == 0)
            {
                yield return text[start..i];
                start = i + 1;
            }
        }
        yield return text[start..];
    }

    private static string Key(string key, string whole)
    {
        if (key.Length == 0 || !char.IsAsciiLetterOrDigit(key[0]) || !key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/'))
            throw Unreadable(key, whole);
        return key;
    }

    private static ApiException Unreadable(string part, string whole) =>
        ApiException.BadRequest($"unable to parse requirement \"{part}\" of label selector \"{whole}\": expected key=value, key!=value, key in (a,b), key notin (a,b), key or !key");

    private sealed record Requirement(string Key, Operator Operator, HashSet<string> Values);
}
