namespace NodeAgent.UnitTests.Packaging;

/// <summary>Files of the clone that this test was built in.</summary>
internal static class PackageSources
{
    private static readonly string Clone = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    public static string PathOf(string relative) => Path.Combine(Clone, relative);
}
