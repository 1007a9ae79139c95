namespace NodeAgent.Linux.FileTrees;

/// <summary>
/// How a file or a folder travels: a tar archive (pax) whose first entry is <c>root</c>, and whose others lie below it. Regular files, folders and symbolic links
/// with their permission bits; no owners, no hard links, no special files. What could not travel stands, a line each, in a last entry <c>skipped</c>.
/// </summary>
public static class FileTreeArchive
{
    public const string Root = "root";
    public const string Skipped = "skipped";

    /// <summary>Folders within folders. Each one that is being read holds a descriptor, and a tree can be made deeper than any process may have of them.</summary>
    public const int MaxDepth = 256;

    /// <summary>More are not told one by one.</summary>
    public const int MaxSkipped = 1000;
}
