using System.Globalization;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Volumes;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class VolumeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("volumes-").FullName;

    public void Dispose() => DirectoryTree.Remove(_root);

    [Theory]
    [InlineData("Directory", "dir", null)]
    [InlineData("Directory", "file", "is not a Directory")]
    [InlineData("Directory", "missing", "does not exist (type Directory)")]
    [InlineData("File", "file", null)]
    [InlineData("File", "dir", "is not a File")]
    [InlineData("Socket", "file", "is not a Socket")]
    [InlineData("CharDevice", "file", "is not a CharDevice")]
    [InlineData("BlockDevice", "missing", "does not exist")]
    [InlineData("FileOrCreate", "dir", "is not a File")]
    [InlineData("DirectoryOrCreate", "file", "is not a Directory")]
    [InlineData("", "file", null)]
    [InlineData("FileOrCreate", "no/where", "could not be made")]
    public void Host_paths_are_held_to_their_type(string type, string name, string? refusal)
    {
        Directory.CreateDirectory(_root + "/dir");
        File.WriteAllText(_root + "/file", "");
        var source = new HostPathVolumeSource { Path = $"{_root}/{name}", Type = type };
        if (refusal is null)
        {
            Assert.Equal(source.Path, HostPathVolume.Resolve("v", source));
            return;
        }
        PodRuntimeException error = Assert.Throws<PodRuntimeException>(() => HostPathVolume.Resolve("v", source));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, error.Failure);
        Assert.Contains(refusal, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("DirectoryOrCreate", true)]
    [InlineData("FileOrCreate", false)]
    public void A_missing_host_path_is_made_where_its_type_says_so(string type, bool folder)
    {
        string path = _root + "/new";
        HostPathVolume.Resolve("v", new HostPathVolumeSource { Path = path, Type = type });
        Assert.Equal((folder, !folder), (Directory.Exists(path), File.Exists(path)));
    }

    [Fact]
    public void A_char_device_is_one() =>
        Assert.Equal("/dev/null", HostPathVolume.Resolve("v", new HostPathVolumeSource { Path = "/dev/null", Type = "CharDevice" }));

    [Theory]
    [InlineData("../../etc", "/etc")]
    [InlineData("link-to-root/etc", "/etc")]
    [InlineData("up/etc", "/etc")]
    public void Links_and_dots_stay_inside_the_volume(string path, string inside)
    {
        string volume = _root + "/v";
        Directory.CreateDirectory(volume + inside);
        File.CreateSymbolicLink(volume + "/link-to-root", "/");
        File.CreateSymbolicLink(volume + "/up", "../../..");
        using var root = ConfinedPath.Open(volume);
        using var opened = Assert.IsType<Microsoft.Win32.SafeHandles.SafeFileHandle>(ConfinedPath.TryOpen(root, path));
        using var expected = ConfinedPath.Open(volume + inside);
        Assert.Equal(ConfinedPath.Stat(expected, "").stx_ino, ConfinedPath.Stat(opened, "").stx_ino);
    }

    [Fact]
    public void Missing_parts_of_a_sub_path_are_made_with_the_volumes_own_permissions()
    {
        string volume = _root + "/v";
        Directory.CreateDirectory(volume);
        File.SetUnixFileMode(volume, (UnixFileMode)0x1f8); // 0770
        using var root = ConfinedPath.Open(volume);
        using var made = ConfinedPath.OpenOrMake(root, "a/b");
        Assert.Equal((UnixFileMode)0x1f8, File.GetUnixFileMode(volume + "/a/b"));
        Assert.True(ConfinedPath.IsDirectory(made, "a/b"));
    }

    [Fact]
    public void A_sub_path_that_a_dangling_link_blocks_is_an_error_and_makes_nothing_outside()
    {
        string volume = _root + "/v";
        Directory.CreateDirectory(volume);
        File.CreateSymbolicLink(volume + "/a", _root + "/outside");
        using var root = ConfinedPath.Open(volume);
        LinuxException error = Assert.Throws<LinuxException>(() => ConfinedPath.OpenOrMake(root, "a/b"));
        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.False(Directory.Exists(_root + "/outside"));
    }

    public static TheoryData<string?, string?, string> TmpfsSizes => new()
    {
        { null, null, "mode=0777,size=8388608" },
        { "1Mi", null, "mode=0777,size=1048576" },
        { null, "2Mi", "mode=0777,size=2097152" },
        { "4Mi", "2Mi", "mode=0777,size=2097152" },
        { "0", null, "mode=0777,size=8388608" },
        { "16Mi", null, "mode=0777,size=8388608" },
    };

    [Theory, MemberData(nameof(TmpfsSizes))]
    public void A_memory_volume_is_no_larger_than_the_pod_may_use_nor_the_node_has_for_pods(string? sizeLimit, string? memoryLimit, string options)
    {
        var container = new Container
        {
            Resources = memoryLimit is null ? null : new ResourceRequirements
            {
                Limits = new Dictionary<string, Quantity>(StringComparer.Ordinal) { ["memory"] = Quantity.Parse(memoryLimit) },
            },
        };
        var pod = new Pod { Spec = new PodSpec { Containers = [container] } };
        var source = new EmptyDirVolumeSource { Medium = "Memory", SizeLimit = sizeLimit is null ? null : Quantity.Parse(sizeLimit) };
        Assert.Equal(options, PodVolumes.TmpfsOptions(pod, source, 8 << 20));
    }

    [Fact]
    public void Log_records_are_joined_to_the_last_lines()
    {
        string log = string.Concat(Enumerable.Range(0, 100).Select(i => $"2026-01-01T00:00:00.000000001Z stdout F line {i.ToString(CultureInfo.InvariantCulture)}\n"))
            + "2026-01-01T00:00:00.000000001Z stderr P par\n2026-01-01T00:00:00.000000001Z stderr F tial\n";
        string text = TerminationLog.JoinRecords(Encoding.UTF8.GetBytes(log), whole: true);
        Assert.StartsWith("line 21\n", text, StringComparison.Ordinal);
        Assert.EndsWith("line 99\npartial\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tail_of_a_log_is_2048_bytes_at_most()
    {
        string record = "2026-01-01T00:00:00.000000001Z stdout F " + new string('x', 1500) + "\n";
        Assert.Equal(2048, TerminationLog.JoinRecords(Encoding.UTF8.GetBytes(record + record), whole: true).Length);
    }

    public static TheoryData<string, string?, int, string?> LastWords => new()
    {
        { "the file wins", "said", 1, "said" },
        { "the log counts when nothing was said and it failed", "", 1, "from the log\n" },
        { "success says nothing", "", 0, null },
        { "no file is like an empty one", null, 1, "from the log\n" },
    };

    [Theory, MemberData(nameof(LastWords))]
    public void Termination_message(string because, string? file, int exitCode, string? expected)
    {
        if (file is not null)
        {
            TerminationLog.Create(_root + "/c/x");
            File.WriteAllText(_root + "/c/x", file);
        }
        File.WriteAllText(_root + "/log", "2026-01-01T00:00:00.000000001Z stdout F from the log\n");
        Assert.True(expected == TerminationLog.Read(_root + "/c/x", "FallbackToLogsOnError", exitCode, _root + "/log"), because);
    }

    [Fact]
    public void A_termination_file_counts_for_4096_bytes_and_the_log_only_when_asked_for()
    {
        TerminationLog.Create(_root + "/x");
        Assert.Null(TerminationLog.Read(_root + "/x", "File", 1, _root + "/log"));
        File.WriteAllText(_root + "/x", new string('y', 5000));
        Assert.Equal(4096, TerminationLog.Read(_root + "/x", null, 0, "")!.Length);
    }

    [Fact]
    public void Folders_that_others_filled_are_removed_whatever_is_in_them()
    {
        string tree = _root + "/tree";
        string outside = _root + "/outside";
        Directory.CreateDirectory(outside);
        File.WriteAllText(outside + "/kept", "");
        string deep = tree;
        for (int i = 0; i < 120; i++) deep += "/d";
        Directory.CreateDirectory(deep);
        File.WriteAllText(deep + "/bottom", "");
        File.CreateSymbolicLink(tree + "/link", outside);
        int fd = Openat2.OpenPath(tree, Openat2.O_RDONLY);
        Assert.Equal(0, DirectoryEntries.mkdirat(fd, [0xff, 0xfe, 0], 0x1ed));
        Assert.Equal(0, Openat2.close(fd));
        for (int i = 0; i < 500; i++) File.WriteAllText($"{tree}/{i.ToString(CultureInfo.InvariantCulture)}", "");

        DirectoryTree.Remove(tree);
        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists(outside + "/kept"));
        DirectoryTree.Remove(tree);
    }
}
