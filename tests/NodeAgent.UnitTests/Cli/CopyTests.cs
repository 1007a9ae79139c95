using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

/// <summary>podctl cp against the API, whose containers' files are a folder.</summary>
public sealed class CopyTests : IAsyncLifetime
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly ApiFixture _api = new();
    private readonly string _local = Directory.CreateTempSubdirectory("cp").FullName;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Pods.Publish(_api.RunningPod("default", "web"), new PodUid("uid-1"));
        Directory.CreateDirectory(_api.ContainerRoot + "/tmp");
    }

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_local, recursive: true);
        await _api.DisposeAsync();
    }

    [Fact(DisplayName = "a file goes to a path, or into a folder under its own name, and comes back the same way; a large one too")]
    public async Task Files()
    {
        byte[] content = new byte[5_000_000];
        new Random(1).NextBytes(content);
        await File.WriteAllBytesAsync(_local + "/file", content, Cancel);
        await CopyAsync(_local + "/file", "web:/tmp/other");
        await CopyAsync(_local + "/file", "default/web:/tmp");
        Assert.Equal(content, await File.ReadAllBytesAsync(_api.ContainerRoot + "/tmp/other", Cancel));
        Assert.Equal(content, await File.ReadAllBytesAsync(_api.ContainerRoot + "/tmp/file", Cancel));

        await CopyAsync("web:/tmp/other", _local + "/new/way/back");
        await CopyAsync("web:/tmp/other", _local);
        Assert.Equal(content, await File.ReadAllBytesAsync(_local + "/new/way/back", Cancel));
        Assert.Equal(content, await File.ReadAllBytesAsync(_local + "/other", Cancel));
        Assert.All(_api.Files.Asked, id => Assert.Equal("c0ffee", id.Value));
    }

    [Fact(DisplayName = "a folder goes into a folder under its name, and its content comes back together with what is there")]
    public async Task Folders()
    {
        Directory.CreateDirectory(_local + "/site/css");
        await File.WriteAllTextAsync(_local + "/site/css/a.css", "a", Cancel);
        await CopyAsync(_local + "/site", "web:/tmp");
        await CopyAsync(_local + "/site/", "web:/tmp/else");
        Assert.True(File.Exists(_api.ContainerRoot + "/tmp/site/css/a.css") && File.Exists(_api.ContainerRoot + "/tmp/else/css/a.css"));
        Directory.CreateDirectory(_local + "/back");
        await File.WriteAllTextAsync(_local + "/back/mine", "m", Cancel);
        await CopyAsync("web:/tmp/site", _local + "/back");
        Assert.True(File.Exists(_local + "/back/css/a.css") && File.Exists(_local + "/back/mine"));
    }

    [Fact(DisplayName = "what cannot travel is told on stderr, both ways")]
    public async Task LeftOut()
    {
        Directory.CreateDirectory(_local + "/odd");
        Assert.Equal(0, DirectoryEntries.mknodat(Openat2.AT_FDCWD, CString.Of(_local + "/odd/fifo"), InodeAttributes.S_IFIFO | 0x1B6, 0));
        PodctlRun there = await PodctlRun.AgainstAsync(_api, "cp", _local + "/odd", "web:/tmp");
        Assert.Equal((0, $"left out: {_local}/odd/fifo: neither file, folder nor link\n"), (there.Code, there.Error));
        Assert.Equal(0, DirectoryEntries.mknodat(Openat2.AT_FDCWD, CString.Of(_api.ContainerRoot + "/tmp/odd/fifo"), InodeAttributes.S_IFIFO | 0x1B6, 0));
        PodctlRun back = await PodctlRun.AgainstAsync(_api, "cp", "web:/tmp/odd", _local + "/back");
        Assert.Equal((0, "left out: /tmp/odd/fifo: neither file, folder nor link\n"), (back.Code, back.Error));
    }

    [Theory(DisplayName = "what can't be copied says why, and which side it is")]
    [InlineData("cp web:/nothing {0}/x", 3, "copy from /nothing: no such file or folder")]
    [InlineData("cp nobody:/x {0}/x", 3, "pods \"nobody\" not found")]
    [InlineData("cp {0}/nothing web:/tmp", 3, "ENOENT")]
    [InlineData("cp {0}/file web:/read-only", 1, "EROFS")]
    [InlineData("cp {0}/file web:/tmp -c nope", 1, "container nope is not valid")]
    [InlineData("cp web:/tmp/deep {0}/x", 1, "the connection ended in the middle of an answer")]
    [InlineData("cp {0}/file {0}/other", 2, "one of the two has to be POD:PATH")]
    [InlineData("cp web:/a web:/b", 2, "one of the two has to be POD:PATH")]
    [InlineData("cp web: {0}/x", 2, "the path in the container is missing")]
    [InlineData("cp a/b/c:/x {0}/x", 2, "expected POD:PATH")]
    public async Task Failures(string line, int code, string message)
    {
        await File.WriteAllTextAsync(_local + "/file", "x", Cancel);
        string deep = _api.ContainerRoot + "/tmp/deep";
        for (int i = 0; i < 300; i++) deep += "/d";
        Directory.CreateDirectory(deep);
        PodctlRun run = await PodctlRun.AgainstAsync(_api, string.Format(System.Globalization.CultureInfo.InvariantCulture, line, _local).Split(' '));
        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    private async Task CopyAsync(string from, string to)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "cp", from, to);
        Assert.Equal((0, "", ""), (run.Code, run.Out, run.Error));
    }
}
