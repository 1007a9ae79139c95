using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace NodeAgent.Core.Manifests;

/// <summary>From a file's bytes to text that a parser may see, and from text to what may stand in a one-line message.</summary>
internal static class ManifestText
{
    private const int LongestQuote = 60;

    private static readonly SearchValues<byte> Forbidden = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    /// <summary>The bytes without a byte order mark, known to be UTF-8 without control characters.</summary>
    public static ReadOnlyMemory<byte> Check(ReadOnlyMemory<byte> bytes)
    {
        ReadOnlySpan<byte> span = bytes.Span;
        if (span.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) || span.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]))
            throw new ManifestSyntaxException(ManifestReason.Utf16, 1, 1, "is UTF-16 text", "save the file as UTF-8");
        if (span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            bytes = bytes[3..];
            span = bytes.Span;
        }
        int control = span.IndexOfAny(Forbidden);
        if (!Utf8.IsValid(span)) ThrowNotUtf8(span, control);
        if (control >= 0) ThrowControl(span, control);
        return bytes;
    }

    private static void ThrowNotUtf8(ReadOnlySpan<byte> span, int control)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(span[at..], out _, out int length) == OperationStatus.Done) at += length;
        if (control >= 0 && control < at) ThrowControl(span, control);
        (int line, int column) = Place(span, at);
        throw new ManifestSyntaxException(ManifestReason.NotUtf8, line, column,
            string.Create(CultureInfo.InvariantCulture, $"has the byte 0x{span[at]:x2}, which is not UTF-8 text"),
            "save the file as UTF-8");
    }

    private static void ThrowControl(ReadOnlySpan<byte> span, int at)
    {
        (int line, int column) = Place(span, at);
        if (span[at] != 0)
        {
            throw new ManifestSyntaxException(ManifestReason.ControlCharacter, line, column,
                string.Create(CultureInfo.InvariantCulture, $"has the control character 0x{span[at]:x2}"),
                "remove it, or write it as an escape in a double-quoted string");
        }
        throw new ManifestSyntaxException(ManifestReason.NulByte, line, column, "has a NUL byte",
            "the file is binary, UTF-16, or was cut short when it was copied: write it again as UTF-8 text");
    }

    /// <summary>Line and column of a byte offset, both 1-based, the column in characters.</summary>
    public static (int Line, int Column) Place(ReadOnlySpan<byte> utf8, int offset)
    {
        ReadOnlySpan<byte> before = utf8[..Math.Min(offset, utf8.Length)];
        int line = 1 + before.Count((byte)'\n');
        ReadOnlySpan<byte> current = before[(before.LastIndexOf((byte)'\n') + 1)..];
        return (line, 1 + CountCharacters(current));
    }

    public static int CountCharacters(ReadOnlySpan<byte> utf8)
    {
        int count = 0;
        foreach (byte b in utf8)
        {
            if ((b & 0xC0) != 0x80) count++;
        }
        return count;
    }

    /// <summary>True when the text cannot be written as UTF-8: YAML escapes can name half of a pair.</summary>
    public static bool HasLoneSurrogate(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return true;
            i++;
        }
        return false;
    }

    /// <summary>In double quotes, on one line, cut when long.</summary>
    public static string Quote(string text) => "\"" + Plain(text) + "\"";

    /// <summary>On one line, without control characters, cut when long.</summary>
    public static string Plain(string text, int longest = LongestQuote)
    {
        bool cut = text.Length > longest;
        ReadOnlySpan<char> shown = cut ? text.AsSpan(0, longest) : text;
        var result = new StringBuilder(shown.Length);
        foreach (char c in shown)
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029')
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                result.Append(c);
        }
        return cut ? result.Append('…').ToString() : result.ToString();
    }
}
