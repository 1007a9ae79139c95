using System.Text;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>
/// Layers made to write where they must not, one per kind of trick that other unpackers have fallen for. Whether a layer is refused or unpacked
/// harmlessly, nothing outside of its folder changes.
/// </summary>
public sealed class HostileLayerTests : IDisposable
{
    private readonly Unpacking _unpacking = new();

    public void Dispose() => _unpacking.Dispose();

    private string Outside => _unpacking.Outside;

    private string Victim => Path.Combine(Outside, "victim");

    private string Up => "../../../../../../../../../../.." + Victim;

    /// <summary>The name of the trick, and what the refusal says; null where the entries land harmlessly within the layer.</summary>
    public static TheoryData<string, string?> Tricks => new()
    {
        { "a name that climbs", "entry '../outside/victim': it leads out of the layer" },
        { "a name that climbs far", "leads out" },
        { "a name that climbs after a folder", "leads out" },
        { "an absolute name", null },
        { "a long name that climbs", "leads out" },
        { "a pax name that climbs", "leads out" },
        { "a folder that climbs", "leads out" },
        { "a link to the outside, then a file through it", null },
        { "a climbing link, then a file through it", null },
        { "a link to the root, then a file through it", null },
        { "two links that climb together", null },
        { "a link that is then a folder", null },
        { "a link to a file, then the file again", null },
        { "a folder replaced by a link, then a file in it", null },
        { "a link in the place of a parent, deep", null },
        { "a link to itself as a parent", "ELOOP" },
        { "a hard link to the outside", "neither in this layer nor below" },
        { "a climbing hard link", "leads out" },
        { "a hard link to the outside, then a file over it", "neither in this layer nor below" },
        { "a hard link through a link", "neither in this layer nor below" },
        { "a hard link to a link, then a file over it", null },
        { "a hard link to itself", "hard link to itself" },
        { "a hard link to a folder", "linkat" },
        { "a climbing whiteout", "leads out" },
        { "a whiteout of the parent", "whiteout of no name" },
        { "a whiteout of the folder itself", "whiteout of no name" },
        { "a whiteout of nothing", "whiteout of no name" },
        { "a whiteout through a link", null },
        { "an opaque mark through a link", null },
        { "an attribute of overlayfs", null },
        { "a folder's mode through a link", null },
        { "a fifo as a parent", "ENOTDIR" },
        { "a file as a parent", "ENOTDIR" },
        { "a device as a parent", "ENOTDIR" },
        { "a magic link of proc", null },
        { "the root as a link", "root of a layer must be a directory" },
        { "the root as a file", "root of a layer must be a directory" },
        { "a part of 300 bytes", "300 bytes" },
        { "an attribute through a link", null },
    };

    private TarBuilder Build(string trick)
    {
        TarBuilder tar = new TarBuilder().Directory("./");
        return trick switch
        {
            "a name that climbs" => tar.File("../outside/victim", "changed"),
            "a name that climbs far" => tar.File(Up, "changed"),
            "a name that climbs after a folder" => tar.Directory("a/").File("a/../../outside/victim", "changed"),
            "an absolute name" => tar.File(Victim, "changed"),
            "a long name that climbs" => tar.Add('L', "././@LongLink", data: Encoding.ASCII.GetBytes(Up)).File("x", "changed"),
            "a pax name that climbs" => tar.Pax('x', ("path", Up)).File("x", "changed"),
            "a folder that climbs" => tar.Directory("../outside/new"),
            "a link to the outside, then a file through it" => tar.Symlink("l", Outside).File("l/victim", "changed").File("l/new", "x"),
            "a climbing link, then a file through it" => tar.Symlink("l", "../outside").File("l/victim", "changed"),
            "a link to the root, then a file through it" => tar.Symlink("l", "/").File("l/" + Victim, "changed"),
            "two links that climb together" => tar.Symlink("a", "..").Symlink("b", "a/..").File("b/outside/victim", "changed"),
            "a link that is then a folder" => tar.Symlink("l", Outside).Directory("l/").File("l/victim", "changed"),
            "a link to a file, then the file again" => tar.Symlink("l", Victim).File("l", "changed"),
            "a folder replaced by a link, then a file in it" => tar.Directory("d/").File("d/first").Symlink("d", Outside).File("d/victim", "changed"),
            "a link in the place of a parent, deep" =>
                tar.File("a/b/c/first").Symlink("a/b", "../../outside").File("a/b/victim", "changed").Symlink("a", Outside).File("a/victim", "changed"),
            "a link to itself as a parent" => tar.Symlink("l", "l").File("l/x"),
            "a hard link to the outside" => tar.HardLink("h", Victim),
            "a climbing hard link" => tar.HardLink("h", "../outside/victim"),
            "a hard link to the outside, then a file over it" => tar.HardLink("h", Victim).File("h", "changed"),
            "a hard link through a link" => tar.Symlink("l", Outside).HardLink("h", "l/victim").File("h", "changed"),
            "a hard link to a link, then a file over it" => tar.Symlink("l", Victim).HardLink("h", "l").File("h", "changed", mode: 0x1FF),
            "a hard link to itself" => tar.File("h").HardLink("h", "./h"),
            "a hard link to a folder" => tar.Directory("d/").HardLink("h", "d"),
            "a climbing whiteout" => tar.File("../outside/.wh.victim"),
            "a whiteout of the parent" => tar.File("a/.wh..."),
            "a whiteout of the folder itself" => tar.File("a/.wh.."),
            "a whiteout of nothing" => tar.File("a/.wh."),
            "a whiteout through a link" => tar.Symlink("l", Outside).File("l/.wh.victim"),
            "an opaque mark through a link" => tar.Symlink("l", Outside).File("l/.wh..wh..opq"),
            "an attribute of overlayfs" => tar.Pax('x', ("SCHILY.xattr.trusted.overlay.redirect", Outside), ("SCHILY.xattr.trusted.overlay.opaque", "y")).Directory("d/"),
            "a folder's mode through a link" => tar.Symlink("l", "../outside").Directory("l", mode: 0),
            "a fifo as a parent" => tar.Fifo("p").File("p/x"),
            "a file as a parent" => tar.File("p").File("p/x"),
            "a device as a parent" => tar.Device('3', "p", 1, 3).File("p/x"),
            "a magic link of proc" => tar.Symlink("l", "/proc/self/root").File("l" + Victim, "changed"),
            "the root as a link" => tar.Symlink("./", Outside),
            "the root as a file" => tar.Add('0', ".", data: "x"u8.ToArray()),
            "a part of 300 bytes" => tar.Pax('x', ("path", "a/" + new string('n', 300))).File("x"),
            "an attribute through a link" => tar.Symlink("l", Victim).Pax('x', ("SCHILY.xattr.user.bad", "1")).Symlink("l2", Victim),
            _ => throw new ArgumentException(trick),
        };
    }

    [Theory]
    [MemberData(nameof(Tricks))]
    public void Nothing_outside_of_the_layer_changes(string trick, string? refusal)
    {
        byte[] archive = Build(trick).Build();

        LayerException? refused = Record.Exception(() => _unpacking.Add(archive)) as LayerException;

        _unpacking.AssertOutsideUntouched();
        if (refusal is null)
            Assert.Null(refused);
        else
            Assert.Contains(refusal, refused?.Message ?? "(not refused)", StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_followed_by_its_own_layer_stays_within_it()
    {
        string layer = _unpacking.Add(new TarBuilder().Symlink("l", Outside).File("l/new", "x"));

        Assert.Equal("x", File.ReadAllText(layer + Path.Combine(Outside, "new")));
        Assert.Equal(Outside, Tool.Run("readlink", Path.Combine(layer, "l")).Trim());
    }

    [Fact]
    public void Attributes_of_overlayfs_are_left_out()
    {
        string layer = _unpacking.Add(Build("an attribute of overlayfs"));

        Assert.DoesNotContain("overlay", Tool.Run("getfattr", "-d", "-m", "-", Path.Combine(layer, "d")), StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "cut within data", [.. new TarBuilder().File("f", new string('x', 5000)).BuildCut().Take(2000)], "entry 'f': the archive ends within an entry" },
        { "a size that no disk has", new TarBuilder().Add('0', "f", change: h => TarBuilder.Base256(h, 124, 12, long.MaxValue)).Build(), "the archive ends within an entry" },
        { "a sparse file that no disk has", new TarBuilder().Pax('x', ("GNU.sparse.size", "9223372036854775807"), ("GNU.sparse.map", "0,0")).File("f").Build(), "ftruncate" },
        { "no archive", new byte[700].Select((_, i) => (byte)(i + 1)).ToArray(), "not a tar archive" },
        { "broken gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 7, 2, 3, 4], "cannot be decompressed" },
        { "broken zstd", [0x28, 0xb5, 0x2f, 0xfd, 0xff, 1, 2, 3, 4], "cannot be decompressed: zstd" },
        { "cut zstd", [0x28, 0xb5, 0x2f, 0xfd], "cannot be decompressed: zstd: the data ends" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void A_damaged_layer_is_refused_with_the_reason(string what, byte[] blob, string reason)
    {
        Assert.NotEmpty(what);
        Assert.Contains(reason, Assert.Throws<LayerException>(() => _unpacking.Add(blob)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gzip_layer_cut_anywhere_is_refused()
    {
        byte[] archive = new TarBuilder().File("f", new string('x', 100_000)).Build();
        using MemoryStream packed = new();
        using (System.IO.Compression.GZipStream gzip = new(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(archive);
        byte[] blob = packed.ToArray();

        for (int length = 0; length < blob.Length; length += Math.Max(1, blob.Length / 50))
            Assert.Throws<LayerException>(() => _unpacking.Add(blob[..length], Digest.OfSha256(archive)));
    }

    [Fact]
    public void A_layer_whose_content_is_not_the_announced_one_is_refused()
    {
        byte[] archive = new TarBuilder().File("f").Build();

        Assert.Contains("the image configuration says",
            Assert.Throws<LayerException>(() => _unpacking.Add(archive, Digest.OfSha256("else"u8))).Message, StringComparison.Ordinal);
    }
}
