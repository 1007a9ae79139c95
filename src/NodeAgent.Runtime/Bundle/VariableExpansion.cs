using System.Text;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// References to variables in manifests: <c>$(NAME)</c> is replaced where NAME is known and left as it stands where not; <c>$$</c> is a dollar sign, so
/// <c>$$(NAME)</c> is the text <c>$(NAME)</c>. Values put in are not looked at again.
/// </summary>
public static class VariableExpansion
{
    /// <param name="lookup">The value of a variable, or null.</param>
    public static string Expand(string text, Func<string, string?> lookup)
    {
        if (!text.Contains('$', StringComparison.Ordinal)) return text;
        StringBuilder result = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            char next = text[++i];
            int end = next == '(' ? text.IndexOf(')', i) : -1;
            if (end >= 0)
            {
                string name = text[(i + 1)..end];
                _ = lookup(name) is { } value ? result.Append(value) : result.Append("$(").Append(name).Append(')');
                i = end;
            }
            else if (next == '$')
            {
                result.Append('$');
            }
            else
            {
                result.Append('$').Append(next);
            }
        }
        return result.ToString();
    }
}
