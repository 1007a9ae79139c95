using System.Globalization;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// What an unquoted YAML scalar means. Kubernetes tools read YAML 1.1 as go-yaml v2 does: yes/no/on/off/y/n are booleans,
/// 0755 is octal, 1_000 is a thousand, dates stay text.
/// </summary>
internal static class YamlScalars
{
    public static ManifestNode Resolve(string text, int line, int column)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return ManifestNode.Null(line, column);
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y":
                return ManifestNode.Bool(true, text, line, column);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N":
                return ManifestNode.Bool(false, text, line, column);
        }
        if (text.Length <= 64 && (char.IsAsciiDigit(text[0]) || text[0] is '+' or '-' or '.'))
        {
            string digits = text.Replace("_", "", StringComparison.Ordinal);
            if (TryInteger(digits, out long integer)) return ManifestNode.Int(integer, text, line, column);
            if (TryFloat(digits, out double number)) return ManifestNode.Float(number, text, line, column);
        }
        return ManifestNode.String(text, line, column);
    }

    /// <summary>Decimal, 0x, 0o or leading-zero octal, 0b; with a sign.</summary>
    private static bool TryInteger(string text, out long value)
    {
        value = 0;
        bool negative = text.StartsWith('-');
        ReadOnlySpan<char> rest = text.AsSpan(text.Length > 0 && text[0] is '+' or '-' ? 1 : 0);
        int radix = 10;
        if (rest.Length > 1 && rest[0] == '0')
        {
            radix = rest[1] switch { 'x' or 'X' => 16, 'b' or 'B' => 2, _ => 8 };
            rest = rest[(rest[1] is 'x' or 'X' or 'b' or 'B' or 'o' or 'O' ? 2 : 1)..];
        }
        if (rest.IsEmpty) return false;
        Int128 result = 0;
        foreach (char c in rest)
        {
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : 99;
            if (digit >= radix) return false;
            result = (result * radix) + digit;
            if (result > (Int128)long.MaxValue + 1) return false;
        }
        if (negative) result = -result;
        if (result > long.MaxValue) return false;
        value = (long)result;
        return true;
    }

    private static bool TryFloat(string text, out double value)
    {
        value = 0;
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c) && c is not ('+' or '-' or '.' or 'e' or 'E')) return false;
        }
        return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }
}
