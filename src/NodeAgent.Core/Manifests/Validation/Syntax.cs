using System.Net;

namespace NodeAgent.Core.Manifests;

/// <summary>The spelling rules of the Kubernetes API (apimachinery validation): names, labels, ports, variables, addresses.</summary>
internal static class Syntax
{
    public const string DnsLabelRule = "at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit";
    public const string DnsSubdomainRule =
        "at most 253 lower-case letters, digits, - and ., every part beginning and ending with a letter or digit";
    public const string QualifiedNameRule = "name or domain/name, the name at most 63 letters, digits, -, _ and .";
    public const string PortNameRule = "at most 15 lower-case letters, digits and -, with a letter, no -- and no - at an end";

    /// <summary>RFC 1123 label.</summary>
    public static bool IsDnsLabel(string? text)
    {
        if (text is null || text.Length is 0 or > 63 || text[0] == '-' || text[^1] == '-') return false;
        foreach (char c in text)
        {
            if (!IsLowerAlphanumeric(c) && c != '-') return false;
        }
        return true;
    }

    /// <summary>RFC 1123 subdomain; a part may be longer than a label, as in the Kubernetes API.</summary>
    public static bool IsDnsSubdomain(string? text)
    {
        if (text is null || text.Length is 0 or > 253) return false;
        foreach (string part in text.Split('.'))
        {
            if (part.Length == 0 || part[0] == '-' || part[^1] == '-') return false;
            foreach (char c in part)
            {
                if (!IsLowerAlphanumeric(c) && c != '-') return false;
            }
        }
        return true;
    }

    public static bool IsQualifiedName(string? text)
    {
        if (text is null) return false;
        string[] parts = text.Split('/');
        return parts.Length switch
        {
            1 => IsLabelName(parts[0]),
            2 => IsDnsSubdomain(parts[0]) && IsLabelName(parts[1]),
            _ => false,
        };
    }

    /// <summary>Empty, or a label name.</summary>
    public static bool IsLabelValue(string? text) => string.IsNullOrEmpty(text) || IsLabelName(text);

    private static bool IsLabelName(string text)
    {
        if (text.Length is 0 or > 63 || !char.IsAsciiLetterOrDigit(text[0]) || !char.IsAsciiLetterOrDigit(text[^1])) return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }
        return true;
    }

    /// <summary>A service name of RFC 6335.</summary>
    public static bool IsPortName(string? text)
    {
        if (text is null || text.Length is 0 or > 15 || text[0] == '-' || text[^1] == '-') return false;
        bool letter = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (!IsLowerAlphanumeric(c) && c != '-') return false;
            if (c == '-' && text[i - 1] == '-') return false;
            letter |= char.IsAsciiLetterLower(c);
        }
        return letter;
    }

    /// <summary>Printable ASCII without the equals sign.</summary>
    public static bool IsEnvName(string? text)
    {
        if (string.IsNullOrEmpty(text)) return false;
        foreach (char c in text)
        {
            if (c is < ' ' or > '~' or '=') return false;
        }
        return true;
    }

    /// <summary>A token of RFC 9110.</summary>
    public static bool IsHeaderName(string? text)
    {
        if (string.IsNullOrEmpty(text)) return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal)) return false;
        }
        return true;
    }

    /// <summary>A key of a ConfigMap or Secret.</summary>
    public static bool IsConfigKey(string? text)
    {
        if (text is null || text.Length is 0 or > 253 || text == "." || text.StartsWith("..", StringComparison.Ordinal)) return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) return false;
        }
        return true;
    }

    /// <summary>Lower-case words joined by - or _, in parts separated by . or /.</summary>
    public static bool IsSysctl(string? text)
    {
        if (text is null || text.Length is 0 or > 253) return false;
        foreach (string part in text.Split('.', '/'))
        {
            if (part.Length == 0 || !IsLowerAlphanumeric(part[0]) || !IsLowerAlphanumeric(part[^1])) return false;
            foreach (char c in part)
            {
                if (!IsLowerAlphanumeric(c) && c is not ('-' or '_')) return false;
            }
        }
        return true;
    }

    /// <summary>Dotted decimal without leading zeros, or IPv6 without a zone.</summary>
    public static bool IsIPAddress(string? text)
    {
        if (text is null || !IPAddress.TryParse(text, out IPAddress? address)) return false;
        if (text.Contains(':', StringComparison.Ordinal))
            return !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal);
        return address.ToString() == text;
    }

    /// <summary>Relative, and no part is <c>..</c>.</summary>
    public static bool StaysInside(string path) =>
        !path.StartsWith('/') && !path.Split('/').Contains("..", StringComparer.Ordinal);

    private static bool IsLowerAlphanumeric(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);
}
