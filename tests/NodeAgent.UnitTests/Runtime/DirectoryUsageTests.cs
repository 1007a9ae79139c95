using NodeAgent.Linux;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class DirectoryUsageTests
{
    [Fact]
    public void A_folder_takes_what_du_says()
    {
        Assert.SkipUnless(Tool.Exists("du"), "needs du");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["a/b/c"]);
        File.WriteAllBytes(folder["a/file"], new byte[100_000]);
        File.WriteAllBytes(folder["a/b/c/other"], new byte[1]);
        Tool.Run("ln", folder["a/file"], folder["a/b/again"]);
        File.CreateSymbolicLink(folder["a/link"], "/usr");
        using (var hole = File.OpenHandle(folder["hole"], FileMode.Create, FileAccess.Write))
            RandomAccess.SetLength(hole, 50 << 20);

        (long bytes, long inodes) = DirectoryUsage.Of(folder.Path);
        Assert.Equal(long.Parse(Tool.Run("du", "-s", "-B1", folder.Path).Split('\t')[0]), bytes);
        Assert.Equal(long.Parse(Tool.Run("du", "-s", "--inodes", folder.Path).Split('\t')[0]), inodes);
        Assert.InRange(bytes, 100_000, 1_000_000);
    }

    [Fact]
    public void A_folder_that_is_not_there_takes_nothing_and_a_file_is_none()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "x");
        Assert.Equal((0, 0), DirectoryUsage.Of(folder["missing"]));
        Assert.Equal((0, 0), DirectoryUsage.Of(folder["file"]));
    }

    [Fact]
    public void A_tree_that_is_deeper_than_the_walk_goes_ends_it_without_harm()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Path;
        for (int depth = 0; depth < DirectoryUsage.MaxDepth + 20; depth++)
            Directory.CreateDirectory(path += "/d");
        Assert.Equal(DirectoryUsage.MaxDepth + 1, DirectoryUsage.Of(folder.Path).Inodes);
    }
}
