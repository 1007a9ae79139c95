using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

public sealed class RootfsMounterTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public RootfsMounterTests() => Assert.SkipUnless(Environment.UserName == "root", "mounting takes root");

    public void Dispose() => _scratch.Dispose();

    public static TheoryData<OverlayMethod> Methods => [.. Enum.GetValues<OverlayMethod>()];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Each_way_to_mount_an_overlay_stacks_the_layers_topmost_first_and_shows_nothing_on_the_host(OverlayMethod method)
    {
        Mount mount = Overlay("bottom", "middle", "top");
        File.WriteAllText(Layer("bottom") + "/who", "bottom");
        File.WriteAllText(Layer("bottom") + "/only", "bottom");
        File.WriteAllText(Layer("top") + "/who", "top");
        int before = MountInfo.Read().Count;

        using (SafeFileHandle root = Mounter().MountOverlay(mount, method))
        {
            Assert.Equal("top"u8, MountTargets.Read(root, "/who")!);
            Assert.Equal("bottom"u8, MountTargets.Read(root, "/only")!);
            Assert.Equal("/made", MountTargets.Prepare(root, "/made", isDirectory: true));
            Assert.True(Directory.Exists(_scratch.Path + "/upper/made"));
            Assert.Equal(before, MountInfo.Read().Count);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Names_with_separators_in_them_are_taken_as_they_are(OverlayMethod method)
    {
        const string odd = @"a:b,c\d";
        Mount mount = Overlay(odd, "plain");
        File.WriteAllText(Layer(odd) + "/file", "odd");
        using SafeFileHandle root = Mounter().MountOverlay(mount, method);
        Assert.Equal("odd"u8, MountTargets.Read(root, "/file")!);
    }

    [Theory]
    [InlineData(OverlayMethod.LayerByLayer, 60, 100)]
    [InlineData(OverlayMethod.LayerByLayer, 2, 250)]
    [InlineData(OverlayMethod.OneString, 12, 100)]
    [InlineData(OverlayMethod.OnPath, 60, 100)]
    public void Many_layers_with_long_names_are_taken(OverlayMethod method, int count, int length)
    {
        string[] names = [.. Enumerable.Range(0, count).Select(i => $"{i:d2}{new string('x', length - 2)}")];
        Mount mount = Overlay(names);
        for (int i = 0; i < count; i++) File.WriteAllText(Layer(names[i]) + $"/file{i}", "here");
        using SafeFileHandle root = Mounter().MountOverlay(mount, method);
        Assert.Equal("here"u8, MountTargets.Read(root, "/file0")!);
        Assert.Equal("here"u8, MountTargets.Read(root, $"/file{count - 1}")!);
    }

    [Fact]
    public void More_layers_than_fit_into_one_value_go_the_last_way() =>
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Mounter().MountOverlay(Overlay([.. Enumerable.Range(0, 60).Select(i => $"l{i}")]), OverlayMethod.OneString)).Errno);

    [Fact]
    public void The_first_way_that_works_is_kept()
    {
        RootfsMounter mounter = Mounter();
        mounter.Mount(Overlay("a", "b")).Dispose();
        Assert.InRange(mounter.Method, OverlayMethod.LayerByLayer, OverlayMethod.OneString);
    }

    [Fact]
    public void A_layer_that_is_not_there_is_named_in_the_error()
    {
        Mount mount = Overlay("a");
        Directory.Delete(Layer("a"));
        LinuxException e = Assert.Throws<LinuxException>(() => Mounter().Mount(mount));
        Assert.Equal(Errno.ENOENT, e.Errno);
        Assert.Contains(Layer("a"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_serves_as_a_root_by_bind()
    {
        string tree = _scratch.Make("tree");
        File.WriteAllText(tree + "/file", "x");
        using SafeFileHandle root = Mounter().Mount(new Mount("bind", tree, [new MountOption("ro")]));
        Assert.Equal("x"u8, MountTargets.Read(root, "/file")!);
        Assert.Equal(Errno.EROFS, Assert.Throws<LinuxException>(() => MountTargets.Prepare(root, "/new", isDirectory: true)).Errno);
    }

    private RootfsMounter Mounter() => new(_scratch.Path + "/scratch");

    private string Layer(string name) => _scratch.Path + "/layers/" + name;

    // Lowest first, as layers are counted; the options have the topmost first.
    private Mount Overlay(params string[] layers)
    {
        foreach (string layer in layers) Directory.CreateDirectory(Layer(layer));
        string upper = _scratch.Make("upper");
        string work = _scratch.Make("work");
        return new Mount(
            "overlay", "overlay",
            [.. layers.Reverse().Select(layer => new MountOption("lowerdir+", Layer(layer))), new("upperdir", upper), new("workdir", work)]);
    }
}
