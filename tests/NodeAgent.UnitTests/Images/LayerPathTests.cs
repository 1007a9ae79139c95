using System.Text;
using NodeAgent.Images.Layers;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class LayerPathTests
{
    [Theory]
    [InlineData("a/b", "a/b")]
    [InlineData("./a/b", "a/b")]
    [InlineData("/a/b", "a/b")]
    [InlineData("//a///b//", "a/b")]
    [InlineData("a/./b/.", "a/b")]
    [InlineData("a/../b", "b")]
    [InlineData("a/b/../../c", "c")]
    [InlineData("./", "")]
    [InlineData("", "")]
    [InlineData("/", "")]
    [InlineData("a/..", "")]
    [InlineData("...", "...")]
    [InlineData("..a/b..", "..a/b..")]
    public void A_name_becomes_a_path_below_the_root(string name, string path) =>
        Assert.Equal(path + "\0", Encoding.Latin1.GetString(LayerPath.Clean(Encoding.Latin1.GetBytes(name))));

    [Theory]
    [InlineData("..", "leads out")]
    [InlineData("../a", "leads out")]
    [InlineData("/../a", "leads out")]
    [InlineData("a/../../b", "leads out")]
    [InlineData("a/./../.././b", "leads out")]
    [InlineData("a\0b", "NUL")]
    public void A_name_that_could_lead_elsewhere_is_refused(string name, string reason) =>
        Assert.Contains(reason, Assert.Throws<LayerException>(() => LayerPath.Clean(Encoding.Latin1.GetBytes(name))).Message, StringComparison.Ordinal);

    [Fact]
    public void Names_longer_than_the_kernel_takes_are_refused()
    {
        Assert.Contains("256 bytes", Assert.Throws<LayerException>(() => LayerPath.Clean(Enumerable.Repeat((byte)'a', 256).ToArray())).Message, StringComparison.Ordinal);
        byte[] deep = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("d/", 2049)));
        Assert.Contains("4095", Assert.Throws<LayerException>(() => LayerPath.Clean(deep)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/.wh..wh.plnk/1.2", true)]
    [InlineData(".wh..wh.aufs", true)]
    [InlineData(".wh..wh.orph/x", true)]
    [InlineData("a/.wh..wh..opq", false)]
    [InlineData("a/.wh.b", false)]
    [InlineData("a/b", false)]
    public void Bookkeeping_of_aufs_is_told_from_whiteouts(string path, bool metadata) =>
        Assert.Equal(metadata, Whiteout.IsMetadata(Encoding.Latin1.GetBytes(path + "\0")));
}
