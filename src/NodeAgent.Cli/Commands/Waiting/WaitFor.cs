using System.Text.Json;

namespace NodeAgent.Cli.Commands.Waiting;

/// <summary>What a wait waits for: the value of <c>--for</c>, as kubectl wait has it.</summary>
internal abstract record WaitFor
{
    /// <summary>Whether a pod that there is not satisfies it.</summary>
    public virtual bool AbsentIsMet => false;

    /// <summary>Whether a pod may appear only while it is waited for.</summary>
    public virtual bool MayAppear => false;

    public abstract bool IsMet(JsonElement pod);

    /// <summary>What is so instead, for whoever waited in vain.</summary>
    public virtual string Now(JsonElement pod) => "it is there";

    /// <exception cref="PodctlException">2: what can be waited for.</exception>
    public static WaitFor Parse(string text)
    {
        if (text.Equals("delete", StringComparison.OrdinalIgnoreCase)) return new Gone();
        if (text.Equals("create", StringComparison.OrdinalIgnoreCase)) return new There();
        string[] parts = text.Split('=', 2);
        if (parts is ["condition", { Length: > 0 } condition])
        {
            string[] pair = condition.Split('=', 2);
            return new Condition(pair[0], pair.Length > 1 ? pair[1] : "true");
        }
        if (parts is ["jsonpath", { Length: > 0 } path]) return OfPath(text, path);
        throw new PodctlException(
            $"wait --for={text}: expected condition=NAME[=VALUE], delete, create or jsonpath='{{.PATH}}'[=VALUE]", ExitCode.WrongCommandLine);
    }

    private static HasValue OfPath(string whole, string text)
    {
        // A filter has signs of equality of its own, inside the braces.
        int end = text[0] == '{' ? text.LastIndexOf('}') + 1 : text.IndexOf('=', StringComparison.Ordinal);
        if (end <= 0) end = text.Length;
        string rest = text[end..];
        if (rest.Length > 0 && rest[0] != '=') throw new PodctlException($"wait --for={whole}: after the path, =VALUE is expected", ExitCode.WrongCommandLine);
        try
        {
            return new HasValue(JsonPath.Parse(text[..end]), rest.Length > 0 ? rest[1..] : null);
        }
        catch (FormatException error)
        {
            throw new PodctlException($"wait --for=jsonpath: {error.Message}", ExitCode.WrongCommandLine, error);
        }
    }

    private sealed record Gone : WaitFor
    {
        public override bool AbsentIsMet => true;
        public override bool IsMet(JsonElement pod) => false;
        public override string ToString() => "delete";
    }

    private sealed record There : WaitFor
    {
        public override bool MayAppear => true;
        public override bool IsMet(JsonElement pod) => true;
        public override string ToString() => "create";
    }

    private sealed record Condition(string Name, string Value) : WaitFor
    {
        // A condition that speaks of an older generation says nothing of the pod as it is wanted now.
        public override bool IsMet(JsonElement pod) => Of(pod) is { } condition
            && string.Equals(condition.GetProperty("status").GetString(), Value, StringComparison.OrdinalIgnoreCase)
            && Generation(condition, "observedGeneration") is var observed && (observed is null || !(observed < Generation(pod.GetProperty("metadata"), "generation")));

        public override string Now(JsonElement pod)
        {
            if (Of(pod) is not { } condition) return $"it has no condition {Name}";
            string why = string.Join(": ", ((string[])["reason", "message"])
                .Select(field => condition.TryGetProperty(field, out JsonElement text) ? text.GetString() : null).Where(text => !string.IsNullOrEmpty(text)));
            return $"{Name} is {condition.GetProperty("status").GetString()}{(why.Length > 0 ? ", " + why : "")}";
        }

        public override string ToString() => $"condition={Name}{(Value == "true" ? "" : "=" + Value)}";

        private JsonElement? Of(JsonElement pod)
        {
            if (!pod.TryGetProperty("status", out JsonElement status) || !status.TryGetProperty("conditions", out JsonElement conditions)) return null;
            foreach (JsonElement condition in conditions.EnumerateArray())
            {
                if (string.Equals(condition.GetProperty("type").GetString(), Name, StringComparison.OrdinalIgnoreCase)) return condition;
            }
            return null;
        }

        private static long? Generation(JsonElement holder, string field) => holder.TryGetProperty(field, out JsonElement number) ? number.GetInt64() : null;
    }

    private sealed record HasValue(JsonPath Path, string? Value) : WaitFor
    {
        public override bool IsMet(JsonElement pod) => Single(pod) is { } found && (Value is null || found.ToString() == Value);

        public override string Now(JsonElement pod) => Single(pod) is { } found ? $"it is {(found.ToString() is { Length: > 0 } text ? text : "empty")}" : "there is no such value";

        public override string ToString() => $"jsonpath={Path}{(Value is null ? "" : "=" + Value)}";

        private JsonElement? Single(JsonElement pod) => Path.Find(pod) switch
        {
            [] => null,
            [{ ValueKind: JsonValueKind.Object or JsonValueKind.Array }] when Value is not null =>
                throw new PodctlException($"wait --for=jsonpath: {Path} leads to a list or an object, which no value equals"),
            [var one] => one,
            var several => throw new PodctlException($"wait --for=jsonpath: {Path} leads to {several.Count} values, not to one"),
        };
    }
}
