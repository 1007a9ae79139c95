using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace NodeAgent.Cli.Output;

/// <summary>YAML 1.1-safe text of a JSON document, keys in order of their names: what any YAML reader turns back into the same document.</summary>
internal static class YamlOutput
{
    // Words that some reader of YAML 1.1 takes for a boolean or null.
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase) { "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", ".nan", ".inf" };

    public static void Write(TextWriter output, JsonElement value)
    {
        var emitter = new Emitter(output, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false, maxSimpleKeyLength: 1024));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, value);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
    }

    private static void Emit(Emitter emitter, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                JsonProperty[] properties = [.. value.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal)];
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, properties.Length == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (JsonProperty property in properties)
                {
                    emitter.Emit(Text(property.Name));
                    Emit(emitter, property.Value);
                }
                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, value.GetArrayLength() == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (JsonElement item in value.EnumerateArray()) Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                emitter.Emit(Text(value.GetString()!));
                break;
            default:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, value.GetRawText(), ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
                break;
        }
    }

    private static Scalar Text(string text) => new(AnchorName.Empty, TagName.Empty, text, Style(text), isPlainImplicit: true, isQuotedImplicit: true);

    private static ScalarStyle Style(string text)
    {
        if (text.Contains('\n', StringComparison.Ordinal) && !text.Any(c => char.IsControl(c) && c != '\n') && text.Trim('\n') is { Length: > 0 } body && body[0] != ' ')
            return ScalarStyle.Literal;
        return IsPlain(text) ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted;
    }

    private static bool IsPlain(string text)
    {
        if (text.Length == 0 || Words.Contains(text)) return false;
        if (!char.IsAsciiLetter(text[0]) && text[0] is not ('/' or '_' or '.')) return LooksLikeAVersionOrAddress(text);
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)) return false;
        if (text[^1] is ' ' or ':') return false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool fine = char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '.' or '-' or '+' or '@' or '=' or '(' or ')' or ';'
                || (c == ':' && text[i + 1] != ' ')
                || (c == ' ' && text[i + 1] is not '#')
                || (c == ',');
            if (!fine) return false;
        }
        return true;
    }

    // 10.88.0.2 is text to every reader; 1.5, 2026-01-31 and 12:30 are not.
    private static bool LooksLikeAVersionOrAddress(string text) =>
        char.IsAsciiDigit(text[0]) && text.Count(c => c == '.') >= 2 && text.All(c => char.IsAsciiDigit(c) || c == '.') && text[^1] != '.';
}
