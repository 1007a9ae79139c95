namespace NodeAgent.VmTests.Machine;

/// <summary>The clone that this program was built in.</summary>
internal static class Repository
{
    public static string Folder { get; } = Find();
    public static string Artifacts => Folder + "/artifacts";

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(folder.FullName + "/tests/vm/build-image.sh"))
                return folder.FullName;
        }

        throw new InvalidOperationException($"no clone of the repository above {AppContext.BaseDirectory}");
    }
}
