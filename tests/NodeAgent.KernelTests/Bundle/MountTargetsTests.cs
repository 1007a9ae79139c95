using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

public sealed class MountTargetsTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly string _tree;
    private readonly SafeFileHandle _root;

    public MountTargetsTests()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting takes root");
        _tree = _scratch.Make("tree");
        _root = BindMounter.Open(_tree, new BindOptions());
    }

    public void Dispose()
    {
        _root.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void What_is_missing_is_made_with_its_parents()
    {
        Assert.Equal("/a/b/c", MountTargets.Prepare(_root, "/a//b/./c/", isDirectory: true));
        Assert.Equal("/a/f", MountTargets.Prepare(_root, "/a/f", isDirectory: false));
        Assert.True(Directory.Exists(_tree + "/a/b/c"));
        Assert.Equal(0, new FileInfo(_tree + "/a/f").Length);
    }

    [Fact]
    public void What_is_there_stays_as_it_is()
    {
        File.WriteAllText(_tree + "/hosts", "mine");
        Assert.Equal("/hosts", MountTargets.Prepare(_root, "/hosts", isDirectory: false));
        Assert.Equal("mine", File.ReadAllText(_tree + "/hosts"));
    }

    [Theory]
    [InlineData("/etc", "/a/etc", "/a/etc/x")]
    [InlineData("../../../etc", "/a/etc", "/etc/x")]
    [InlineData("sub", "/a/etc", "/a/sub/x")]
    [InlineData("/", "/a/etc", "/x")]
    public void A_link_on_the_way_leads_where_the_container_would_go(string link, string at, string expected)
    {
        _ = link == "/etc" ? Directory.CreateSymbolicLink(Make("/a") + "/etc", "/a/../a/./etc2") : Directory.CreateSymbolicLink(Make("/a") + "/etc", link);
        string result = MountTargets.Prepare(_root, at + "/x", isDirectory: false);
        Assert.Equal(link == "/etc" ? "/a/etc2/x" : expected, result);
        Assert.True(File.Exists(_tree + result));
    }

    [Fact]
    public void A_dangling_link_to_a_file_has_its_target_made_inside()
    {
        Directory.CreateDirectory(_tree + "/etc");
        string outside = _scratch.Path + "/outside";
        File.CreateSymbolicLink(_tree + "/etc/resolv.conf", "/run/systemd/resolv.conf");
        File.CreateSymbolicLink(_tree + "/etc/hosts", "../../../../../../.." + outside);
        Assert.Equal("/run/systemd/resolv.conf", MountTargets.Prepare(_root, "/etc/resolv.conf", isDirectory: false));
        Assert.Equal(outside, MountTargets.Prepare(_root, "/etc/hosts", isDirectory: false));
        Assert.False(File.Exists(outside));
        Assert.True(File.Exists(_tree + outside));
    }

    [Fact]
    public void Links_in_a_circle_end_in_an_error()
    {
        File.CreateSymbolicLink(_tree + "/x", "/y");
        File.CreateSymbolicLink(_tree + "/y", "/x");
        Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => MountTargets.Prepare(_root, "/x", isDirectory: true)).Errno);
    }

    [Fact]
    public void A_directory_does_not_take_a_file_nor_the_other_way_round()
    {
        File.WriteAllText(_tree + "/file", "");
        Make("/dir");
        Assert.Equal(Errno.ENOTDIR, Assert.Throws<LinuxException>(() => MountTargets.Prepare(_root, "/file", isDirectory: true)).Errno);
        Assert.Equal(Errno.ENOTDIR, Assert.Throws<LinuxException>(() => MountTargets.Prepare(_root, "/file/below", isDirectory: true)).Errno);
        Assert.Equal(Errno.EISDIR, Assert.Throws<LinuxException>(() => MountTargets.Prepare(_root, "/dir", isDirectory: false)).Errno);
    }

    [Fact]
    public void Text_is_read_through_links_that_stay_inside_and_only_from_files()
    {
        File.WriteAllText(_tree + "/passwd", "root");
        File.WriteAllText(_scratch.Path + "/secret", "host");
        File.CreateSymbolicLink(_tree + "/in", "/passwd");
        File.CreateSymbolicLink(_tree + "/out", "/.." + _scratch.Path + "/secret");
        Make("/dir");
        Assert.Equal("root"u8, MountTargets.Read(_root, "/in")!);
        Assert.Equal("ro"u8, MountTargets.Read(_root, "/in", limit: 2)!);
        Assert.Null(MountTargets.Read(_root, "/out"));
        Assert.Null(MountTargets.Read(_root, "/missing"));
        Assert.Null(MountTargets.Read(_root, "/dir"));
    }

    private string Make(string path) => Directory.CreateDirectory(_tree + path).FullName;
}
