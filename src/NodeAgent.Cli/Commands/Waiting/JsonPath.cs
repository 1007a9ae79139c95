using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NodeAgent.Cli.Commands.Waiting;

/// <summary>
/// The part of kubectl's JSONPath that leads to values: <c>{.status.phase}</c>, <c>{.metadata.labels.a\.b/c}</c>, <c>['name']</c>, <c>[0]</c>, <c>[-1]</c>,
/// <c>[*]</c> and filters such as <c>[?(@.type=="Ready")]</c>. What it does not know is refused, never passed over.
/// </summary>
internal sealed class JsonPath
{
    private readonly string _text;
    private readonly List<Step> _steps;

    private JsonPath(string text, List<Step> steps)
    {
        _text = text;
        _steps = steps;
    }

    /// <param name="text">With or without the braces around it.</param>
    /// <exception cref="FormatException">What is wrong, and where.</exception>
    public static JsonPath Parse(string text)
    {
        string inner = text is ['{', .., '}'] ? text[1..^1] : text;
        int at = inner.StartsWith('$') || inner.StartsWith('@') ? 1 : 0;
        var steps = new List<Step>();
        // kubectl takes a first name without its dot as well.
        if (at < inner.Length && inner[at] is not ('.' or '[')) steps.Add(Name(inner, ref at, text));
        while (at < inner.Length)
        {
            if (inner[at] == '[') steps.Add(Bracket(inner, ref at, text));
            else if (inner[at] == '.' && at + 1 < inner.Length && inner[at + 1] == '[') at++;
            else if (inner[at++] == '.') steps.Add(Name(inner, ref at, text));
            else throw Wrong(text, at);
        }
        return steps.Count > 0 ? new JsonPath(text, steps) : throw new FormatException($"{text}: a path such as {{.status.phase}} is expected");
    }

    /// <summary>Every value it leads to; none where something on the way is missing.</summary>
    public IReadOnlyList<JsonElement> Find(JsonElement root)
    {
        IEnumerable<JsonElement> found = [root];
        foreach (Step step in _steps) found = found.SelectMany(step.Apply);
        return [.. found];
    }

    public override string ToString() => _text;

    private static Step Name(string path, ref int at, string text)
    {
        var name = new StringBuilder();
        for (; at < path.Length && path[at] is not ('.' or '['); at++)
        {
            if (path[at] == '\\' && at + 1 < path.Length) at++;
            else if (path[at] is ' ' or '{' or '}' or ']' or '(' or ')' or '|' or ',') throw Wrong(text, at);
            name.Append(path[at]);
        }
        if (name.Length == 0) throw Wrong(text, at);
        return name.ToString() == "*" ? new Every() : new Field(name.ToString());
    }

    private static Step Bracket(string path, ref int at, string text)
    {
        int end = End(path, at);
        if (end < 0) throw Wrong(text, at);
        string inside = path[(at + 1)..end].Trim();
        int start = at;
        at = end + 1;
        if (inside == "*") return new Every();
        if (Quoted(inside) is { } name) return new Field(name);
        if (int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index)) return new Item(index);
        if (inside.StartsWith("?(", StringComparison.Ordinal) && inside.EndsWith(')')) return Condition(inside[2..^1], text, start);
        throw Wrong(text, start);
    }

    // A bracket inside quotes ends nothing.
    private static int End(string path, int at)
    {
        char quote = '\0';
        int depth = 0;
        for (; at < path.Length; at++)
        {
            char c = path[at];
            if (quote != '\0') quote = c == quote ? '\0' : quote;
            else if (c is '\'' or '"') quote = c;
            else if (c == '[') depth++;
            else if (c == ']' && --depth == 0) return at;
        }
        return -1;
    }

    private static Filter Condition(string condition, string text, int at)
    {
        foreach (string sign in (string[])["==", "!="])
        {
            int split = condition.IndexOf(sign, StringComparison.Ordinal);
            if (split < 0) continue;
            string value = condition[(split + 2)..].Trim();
            return new Filter(Parse(condition[..split].Trim()), Quoted(value) ?? value, sign == "==");
        }
        throw Wrong(text, at);
    }

    private static string? Quoted(string text) =>
        text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1] : null;

    private static FormatException Wrong(string text, int at) => new($"{text}: not understood from character {at + 1} on");

    private abstract record Step
    {
        public abstract IEnumerable<JsonElement> Apply(JsonElement value);
    }

    private sealed record Field(string Name) : Step
    {
        public override IEnumerable<JsonElement> Apply(JsonElement value) =>
            value.ValueKind == JsonValueKind.Object && value.TryGetProperty(Name, out JsonElement child) ? [child] : [];
    }

    private sealed record Item(int Index) : Step
    {
        public override IEnumerable<JsonElement> Apply(JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Array) return [];
            int index = Index < 0 ? value.GetArrayLength() + Index : Index;
            return index >= 0 && index < value.GetArrayLength() ? [value[index]] : [];
        }
    }

    private sealed record Every : Step
    {
        public override IEnumerable<JsonElement> Apply(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Array => value.EnumerateArray(),
            JsonValueKind.Object => value.EnumerateObject().Select(property => property.Value),
            _ => [],
        };
    }

    private sealed record Filter(JsonPath Path, string Value, bool Equal) : Step
    {
        public override IEnumerable<JsonElement> Apply(JsonElement value) =>
            value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Where(Matches) : [];

        private bool Matches(JsonElement item) => Path.Find(item) is [var found] && (found.ToString() == Value) == Equal;
    }
}
