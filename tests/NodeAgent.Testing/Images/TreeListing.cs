namespace NodeAgent.Testing.Images;

/// <summary>
/// A tree as find, stat, getfattr and sha256sum see it, one line per inode name: two trees are equal when their listings are.
/// Folders' sizes and everybody's access and change times are left out.
/// </summary>
public static class TreeListing
{
    /// <summary>What is run in the root of the tree.</summary>
    public const string Script = """
        find . -printf '%p\t%y %m %U:%G %T@ %n %i %s %l\0' | LC_ALL=C sort -z | tr '\n\0' '|\n'
        echo ==devices
        find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
        echo ==content
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
        echo ==xattrs
        find . -print0 | LC_ALL=C sort -z | xargs -0r getfattr -h -d -m - -e hex -- 2>/dev/null || true
        """;

    /// <param name="root">Absolute path.</param>
    public static string Of(string root) => From(Tool.Shell($"cd {root}\n{Script}"));

    /// <param name="output">What <see cref="Script"/> wrote.</param>
    public static string From(string output)
    {
        string[] lines = output.Split('\n');
        int sections = Array.IndexOf(lines, "==devices");
        Dictionary<string, string> firstNames = new(StringComparer.Ordinal);
        IEnumerable<string> entries = lines.Take(sections).Select(line => Describe(line, firstNames));
        return string.Join('\n', entries.Concat(lines.Skip(sections)));
    }

    /// <summary>Names of one inode get the first of them in place of its number, which differs from tree to tree.</summary>
    private static string Describe(string line, Dictionary<string, string> firstNames)
    {
        int tab = line.IndexOf('\t', StringComparison.Ordinal);
        string[] fields = line[(tab + 1)..].Split(' ');
        string name = line[..tab];
        bool folder = fields[0] == "d";
        string inode = fields[5];
        fields[5] = folder ? "" : "=" + (firstNames.TryAdd(inode, name) ? name : firstNames[inode]);
        if (folder)
        {
            fields[4] = "";
            fields[6] = "";
        }
        return $"{name} {string.Join(' ', fields)}";
    }
}
