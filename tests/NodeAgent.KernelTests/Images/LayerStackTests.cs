using NodeAgent.Images.Layers;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>What several layers show together, looked at through a real overlay mount.</summary>
public sealed class LayerStackTests : IDisposable
{
    private readonly Unpacking _unpacking = new();

    public void Dispose() => _unpacking.Dispose();

    private static TarBuilder Base() => new TarBuilder()
        .Directory("./").Directory("etc/", mtime: 1000).File("etc/a", "one").File("etc/b", "two").Directory("etc/sub/").File("etc/sub/x")
        .Directory("tmp/", mode: 0x3FF, uid: 3, gid: 4, mtime: 2000).Symlink("link", "etc/a");

    [Fact]
    public void A_whiteout_hides_a_file_and_a_folder()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").File("etc/.wh.a").File("etc/.wh.sub").File(".wh.link"));

        Assert.Equal("etc\netc/b\ntmp\n", _unpacking.Mounted("find * | LC_ALL=C sort"));
    }

    [Fact]
    public void Data_of_a_whiteout_is_passed_by()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").File("etc/.wh.a", new string('x', 700)).File("etc/c", "three"));

        Assert.Equal("etc/b\netc/c\netc/sub\nthree", _unpacking.Mounted("ls -d etc/*; cat etc/c"));
    }

    [Fact]
    public void An_opaque_folder_hides_what_is_below_but_not_its_own()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").File("etc/mine").File("etc/.wh..wh..opq"));

        Assert.Equal("mine\n", _unpacking.Mounted("ls etc"));
    }

    [Fact]
    public void A_name_hidden_and_given_anew_in_one_layer_does_not_merge_with_what_is_below()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").File("etc/.wh.sub").Directory("etc/sub/").File("etc/sub/y").File("etc/b", "new").File("etc/.wh.b"));

        Assert.Equal("y\nnew", _unpacking.Mounted("ls etc/sub; cat etc/b"));
    }

    [Fact]
    public void A_whiteout_of_what_is_not_there_leaves_no_trace()
    {
        _unpacking.Add(Base());
        string layer = _unpacking.Add(new TarBuilder().Directory("fresh/").File("fresh/.wh.gone").File("etc/.wh.never").File("fresh/kept"));

        Assert.Equal("kept\n", _unpacking.Mounted("ls fresh"));
        Assert.Equal("", Tool.Run("find", layer, "-type", "c"));
    }

    [Fact]
    public void A_whiteout_of_the_lowest_layer_leaves_no_trace()
    {
        string layer = _unpacking.Add(new TarBuilder().Directory("d/").File("d/.wh.x").File(".wh..wh..opq").File("d/y"));

        Assert.Equal("", Tool.Run("find", layer, "-type", "c"));
        Assert.Equal("y\n", _unpacking.Mounted("ls d"));
    }

    [Fact]
    public void A_whiteout_of_what_a_middle_layer_has_hidden_already_leaves_no_trace()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().File("etc/.wh.a"));
        string layer = _unpacking.Add(new TarBuilder().File("etc/.wh.a"));

        Assert.Equal("", Tool.Run("find", layer, "-type", "c"));
        Assert.Equal("b\nsub\n", _unpacking.Mounted("ls etc"));
    }

    [Fact]
    public void Folders_that_a_layer_does_not_describe_look_like_those_below()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().File("tmp/deep/new").File("etc/.wh.a"));

        Assert.Equal("1777 3:4 2000\n755 0:0 1000\n755 0:0\n", _unpacking.Mounted("stat -c '%a %u:%g %Y' tmp etc; stat -c '%a %u:%g' tmp/deep"));
    }

    [Fact]
    public void The_root_looks_like_the_one_described_last()
    {
        _unpacking.Add(new TarBuilder().Directory("./", mode: 0x1C9, uid: 11, gid: 12, mtime: 77));
        string layer = _unpacking.Add(new TarBuilder().File("x"));

        Assert.Equal("711 11:12 77\n", Tool.Run("stat", "-c", "%a %u:%g %Y", layer));
    }

    [Fact]
    public void A_file_and_a_folder_replace_each_other_between_layers_and_within_one()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().File("etc/sub", "now a file").Directory("link/").File("link/in"));
        Assert.Equal("now a filein\n", _unpacking.Mounted("cat etc/sub; ls link"));

        string layer = _unpacking.Add(new TarBuilder()
            .File("a").Directory("a/").File("a/in")
            .Directory("b/").File("b/in").File("b", "file")
            .File("c", "first", mode: 0x1FF).File("c", "second")
            .Symlink("d", "nowhere").File("d", "file").Directory("e/").Symlink("e", "a").Fifo("f").Fifo("f").Symlink("g", "1").Symlink("g", "2")
            .Directory("h/").File("h/1").Directory("h/", mode: 0x1C0).File("i").HardLink("i2", "i").HardLink("i2", "c"));
        Assert.Equal(
            "a/in file second 644 file a p 2 700 1 2",
            Tool.Shell($"cd {layer}; printf '%s %s %s %s %s %s %s %s %s %s %s' a/* $(cat b) $(cat c) $(stat -c %a c) $(cat d) $(readlink e) $(find f -printf %y) $(readlink g) $(stat -c %a h) $(ls h) $(stat -c %h c)"));
    }

    [Fact]
    public void A_hard_link_to_a_file_of_a_layer_below_brings_the_file_up()
    {
        _unpacking.Add(Base());
        string layer = _unpacking.Add(new TarBuilder().Directory("etc/").HardLink("etc/again", "etc/a").HardLink("third", "etc/a"));

        Assert.Equal("one 3", Tool.Shell($"cd {layer}; printf '%s %s' $(cat third) $(stat -c %h etc/again)"));
        Assert.Equal("oneoneone", _unpacking.Mounted("cat etc/a etc/again third"));
    }

    [Fact]
    public void A_hard_link_keeps_the_file_below_when_its_old_name_gets_another_file_in_the_same_layer()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").HardLink("etc/kept", "etc/a").HardLink("kept2", "etc/a").File("etc/a", "new"));

        Assert.Equal("new one one 1 2", _unpacking.Mounted("printf '%s %s %s %s %s' $(cat etc/a) $(cat etc/kept) $(cat kept2) $(stat -c %h etc/a) $(stat -c %h kept2)"));
    }

    [Fact]
    public void A_hard_link_keeps_the_file_below_when_its_old_name_is_hidden_in_the_same_layer()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().HardLink("moved", "etc/a").File("etc/.wh.a").HardLink("from-sub", "etc/sub/x").File("etc/.wh.sub"));

        Assert.Equal("b\none 1 1", _unpacking.Mounted("ls etc; printf '%s %s %s' $(cat moved) $(stat -c %h moved) $(stat -c %h from-sub)"));
    }

    [Fact]
    public void A_name_that_is_a_hard_link_below_first_and_a_file_later_is_the_file()
    {
        _unpacking.Add(Base());
        string layer = _unpacking.Add(new TarBuilder().File("x", "first").HardLink("x", "etc/a").HardLink("y", "etc/b").File("y", "last"));

        Assert.Equal("one last", Tool.Shell($"printf '%s %s' $(cat {layer}/x) $(cat {layer}/y)"));
    }

    [Fact]
    public void A_dangling_parent_is_followed_within_the_layer()
    {
        string layer = _unpacking.Add(new TarBuilder().Symlink("lib", "usr/lib").File("lib/x/y", "z").Symlink("abs", "/opt/../srv/abs").File("abs/q", "r"));

        Assert.Equal("zr", Tool.Shell($"cat {layer}/usr/lib/x/y {layer}/srv/abs/q"));
    }

    [Fact]
    public void A_device_that_overlayfs_takes_for_a_whiteout_is_one()
    {
        _unpacking.Add(Base());
        _unpacking.Add(new TarBuilder().Directory("etc/").Device('3', "etc/a", 0, 0));

        Assert.Equal("b\nsub\n", _unpacking.Mounted("ls etc"));
    }

    [Fact]
    public void Bookkeeping_of_aufs_is_left_out()
    {
        string layer = _unpacking.Add(new TarBuilder().File(".wh..wh.aufs").Directory(".wh..wh.plnk/").File(".wh..wh.plnk/1.2", "x").Directory(".wh..wh.orph/").File("f"));

        Assert.Equal(["f"], Directory.EnumerateFileSystemEntries(layer).Select(Path.GetFileName));
    }

    [Fact]
    public void Times_of_folders_survive_what_is_put_into_them()
    {
        _unpacking.Add(Base());
        string layer = _unpacking.Add(new TarBuilder().Directory("etc/", mtime: 5).File("etc/new").File("etc/.wh.a").Directory("etc/sub/", mtime: 6).File("etc/sub/n"));

        Assert.Equal("5 6\n", Tool.Shell($"echo $(stat -c %Y {layer}/etc {layer}/etc/sub)"));
    }

    [Fact]
    public void Attributes_that_a_filesystem_refuses_are_no_failure()
    {
        using Unpacking shm = new("/dev/shm");
        string layer = shm.Add(new TarBuilder().Pax('x', ("SCHILY.xattr.user.on-link", "v")).Symlink("l", "x").Pax('x', ("SCHILY.xattr.security.selinux", "label\0")).File("f"));

        Assert.Equal("x", Tool.Run("readlink", Path.Combine(layer, "l")).Trim());
    }
}
