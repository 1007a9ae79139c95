namespace NodeAgent.UnitTests.Packaging;

/// <summary>What a manual page in mdoc(7) documents: for each <c>.Ss program command…</c> its options, those before the first under the program's own name.</summary>
internal sealed class ManualPage
{
    private readonly Dictionary<string, SortedSet<string>> _options = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _settings = new(StringComparer.Ordinal);

    private ManualPage()
    {
    }

    /// <summary>By the command with all its words, such as <c>podctl image load</c>.</summary>
    public IReadOnlyDictionary<string, SortedSet<string>> Options => _options;

    /// <summary>Items that are variables (<c>.It Va</c>) of the outermost lists.</summary>
    public IReadOnlySet<string> Settings => _settings;

    /// <param name="program">The name that its sections of commands begin with.</param>
    public static ManualPage Read(string file, string program)
    {
        var page = new ManualPage();
        List<string> commands = [program];
        bool isHeading = false;
        int depth = 0;
        foreach (string line in File.ReadLines(PackageSources.PathOf(file)))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith($".Ss {program} ", StringComparison.Ordinal))
            {
                // Headings without text between them share what follows.
                if (!isHeading) commands.Clear();
                commands.Add(string.Join(' ', words.Skip(1).TakeWhile(word => !char.IsAsciiLetterUpper(word[0]))));
            }

            isHeading = words is [".Ss", ..];
            foreach (string command in commands) page._options.TryAdd(command, []);
            depth += words is [".Bl", ..] ? 1 : words is [".El", ..] ? -1 : 0;
            if (words is [".It", "Fl", ..])
                commands.ForEach(command => page._options[command].UnionWith(Flags(words)));
            if (words is [".It", "Va", ..] && depth == 1)
                page._settings.Add(words[2]);
        }

        return page;
    }

    /// <summary>Of <c>.It Fl o , Fl Fl output Ar form</c>: <c>-o</c> and <c>--output</c>.</summary>
    private static IEnumerable<string> Flags(string[] words)
    {
        for (int i = 1; i < words.Length; i++)
        {
            if (words[i] != "Fl") continue;
            string dashes = words[i + 1] == "Fl" ? "--" : "-";
            i += dashes.Length;
            yield return dashes + words[i].Replace("\\&", "", StringComparison.Ordinal);
        }
    }
}
