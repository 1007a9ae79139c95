using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Linux;

namespace NodeAgent.Images.Library;

/// <summary>
/// Instructions of a Dockerfile that change how an image is run, as <c>import --change</c> takes them:
/// <code>
/// CMD, ENTRYPOINT   ["sh", "-c"]  or a line for /bin/sh -c      WORKDIR   a folder, one that is relative lies in the one before
/// ENV, LABEL        A=b C="d e"   or A and one value            USER      name, uid, name:group or uid:gid
/// EXPOSE            80 53/udp 8000-8010/tcp                     VOLUME    ["/data"] or /data /logs
/// STOPSIGNAL        SIGQUIT or 3
/// </code>
/// A <c>=</c> may stand in place of the blank behind the instruction, which may be in lower case. Each is refused as a whole when any part of it is wrong.
/// Source: the Dockerfile reference; docker-import(1), podman-import(1).
/// </summary>
internal static class ImageChanges
{
    private const string Known = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR";

    private static readonly JsonElement Nothing = JsonDocument.Parse("{}").RootElement.Clone();

    /// <summary>Throws <see cref="ImageRefusedException"/> with <see cref="ImageRefusal.Invalid"/>, naming the change and what is wrong with it.</summary>
    public static OciExecutionConfig Apply(OciExecutionConfig config, IReadOnlyList<string> changes)
    {
        foreach (string change in changes)
        {
            try
            {
                config = Apply(config, change.Trim());
            }
            catch (FormatException e)
            {
                throw new ImageRefusedException(ImageRefusal.Invalid, $"change '{ChangeWords.Printable(change)}': {e.Message}", e);
            }
        }
        return config;
    }

    private static OciExecutionConfig Apply(OciExecutionConfig config, string change)
    {
        int end = change.AsSpan().IndexOfAny(" \t=");
        string instruction = (end < 0 ? change : change[..end]).ToUpperInvariant();
        string rest = end < 0 ? "" : change[(end + 1)..].Trim();
        Func<OciExecutionConfig> apply = instruction switch
        {
            "CMD" => () => config with { Cmd = Command(rest) },
            "ENTRYPOINT" => () => config with { Entrypoint = Command(rest) },
            "ENV" => () => config with { Env = Set(config.Env ?? [], Pairs(rest)) },
            "EXPOSE" => () => config with { ExposedPorts = Added(config.ExposedPorts, ChangeWords.Split(rest).SelectMany(Ports)) },
            "LABEL" => () => config with { Labels = Labelled(config.Labels, Pairs(rest)) },
            "STOPSIGNAL" => () => config with { StopSignal = SignalNumbers.Parse(rest) is null ? throw new FormatException($"'{rest}' is no signal") : rest },
            "USER" => () => config with { User = User(rest) },
            "VOLUME" => () => config with { Volumes = Added(config.Volumes, (rest.StartsWith('[') ? Strings(rest) : ChangeWords.Split(rest)).Select(Volume)) },
            "WORKDIR" => () => config with { WorkingDir = Folder(config.WorkingDir, rest) },
            _ => throw new FormatException($"expected one of {Known}"),
        };
        return rest.Length > 0 ? apply() : throw new FormatException($"{instruction} needs a value");
    }

    private static IReadOnlyList<string> Command(string text) => text.StartsWith('[') ? Strings(text) : ["/bin/sh", "-c", text];

    private static List<string> Strings(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return [.. document.RootElement.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw NoArray(null))];
        }
        catch (JsonException e)
        {
            throw NoArray(e);
        }
    }

    private static FormatException NoArray(Exception? inner) => new("what begins with [ must be a JSON array of strings, in double quotes", inner);

    private static List<(string Name, string Value)> Pairs(string text)
    {
        int blank = text.AsSpan().IndexOfAny(' ', '\t');
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        // The old form: a name without =, and the rest of the line is its value.
        if (equals < 0 || (blank >= 0 && blank < equals))
        {
            if (blank < 0)
                throw new FormatException($"'{text}' has no value; write {text}=VALUE");
            return [(text[..blank], text[blank..].Trim())];
        }
        List<(string, string)> pairs = [];
        foreach (string word in ChangeWords.Split(text))
        {
            int at = word.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
                throw new FormatException($"'{word}' is not NAME=VALUE; a value with blanks needs quotes");
            pairs.Add((word[..at], word[(at + 1)..]));
        }
        return pairs;
    }

    private static List<string> Set(IReadOnlyList<string> environment, List<(string Name, string Value)> pairs)
    {
        List<string> changed = [.. environment];
        foreach ((string name, string value) in pairs)
        {
            string entry = $"{name}={value}";
            int at = changed.FindIndex(old => old.StartsWith(name + "=", StringComparison.Ordinal));
            if (at < 0)
                changed.Add(entry);
            else
                changed[at] = entry;
        }
        return changed;
    }

    private static Dictionary<string, string?> Labelled(Dictionary<string, string?>? labels, List<(string Name, string Value)> pairs)
    {
        Dictionary<string, string?> changed = labels is null ? new(StringComparer.Ordinal) : new(labels, StringComparer.Ordinal);
        foreach ((string name, string value) in pairs)
            changed[name] = value;
        return changed;
    }

    private static Dictionary<string, JsonElement> Added(Dictionary<string, JsonElement>? set, IEnumerable<string> keys)
    {
        Dictionary<string, JsonElement> changed = set is null ? new(StringComparer.Ordinal) : new(set, StringComparer.Ordinal);
        foreach (string key in keys)
            changed[key] = Nothing;
        return changed;
    }

    private static IEnumerable<string> Ports(string text)
    {
        string[] parts = text.Split('/');
        string protocol = parts.Length > 1 ? parts[1].ToLowerInvariant() : "tcp";
        string[] range = parts[0].Split('-');
        bool valid = parts.Length <= 2 && protocol is "tcp" or "udp" or "sctp" && range.Length <= 2 && Port(range[0]) is { } && Port(range[^1]) is { };
        int first = valid ? Port(range[0])!.Value : 0;
        int last = valid ? Port(range[^1])!.Value : 0;
        if (!valid || last < first)
            throw new FormatException($"'{text}' is no port: 80, 53/udp and 8000-8010 are");
        return Enumerable.Range(first, last - first + 1).Select(port => $"{port}/{protocol}");
    }

    private static int? Port(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65535 ? port : null;

    private static string User(string text) =>
        text.AsSpan().ContainsAny(" \t") || text.StartsWith(':') || text.Count(c => c == ':') > 1
            ? throw new FormatException($"'{text}' is no user: name, uid, name:group or uid:gid is")
            : text;

    private static string Volume(string path) => path.StartsWith('/') ? path : throw new FormatException($"volume '{path}' is not an absolute path");

    private static string Folder(string? before, string path)
    {
        string folder = path.StartsWith('/') ? path : $"{(string.IsNullOrEmpty(before) ? "" : before.TrimEnd('/'))}/{path}";
        return folder.Length > 1 ? folder.TrimEnd('/') is { Length: > 0 } trimmed ? trimmed : "/" : folder;
    }
}
