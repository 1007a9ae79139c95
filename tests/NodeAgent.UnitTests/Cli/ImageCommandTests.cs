using System.Text.Json.Nodes;
using NodeAgent.Cli;
using NodeAgent.Core.Cri;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class ImageCommandTests : IAsyncLifetime
{
    private static readonly string Id = "sha256:" + new string('a', 64);

    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync()
    {
        _api.Images.Add("localhost/web:1", 12);
        return _api.InitializeAsync();
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    private Task<PodctlRun> RunAsync(params string[] args) => PodctlRun.AgainstAsync(_api, ["image", .. args]);

    [Fact(DisplayName = "inspect prints one document per image, as JSON or YAML, and goes on after one that is missing")]
    public async Task Inspect()
    {
        PodctlRun json = await RunAsync("inspect", "localhost/web:1");
        Assert.Equal((0, Id), (json.Code, (string)JsonNode.Parse(json.Out)!["id"]!));
        PodctlRun yaml = await RunAsync("inspect", "-o", "yaml", "localhost/none:1", "localhost/web:1");
        Assert.Equal((3, "podctl: image inspect localhost/none:1: images \"localhost/none:1\" not found; podctl image ls shows all\n"), (yaml.Code, yaml.Error));
        Assert.StartsWith("---\napiVersion: podagent.io/v1alpha1\narchitecture: amd64\nauthor: somebody\n", yaml.Out);
    }

    [Fact(DisplayName = "history is a table with the latest step on top, shortened unless it is asked for in full")]
    public async Task History()
    {
        PodctlRun run = await RunAsync("history", "localhost/web:1");
        Assert.Equal((0, """
            ID             CREATED     CREATED BY                                      SIZE     COMMENT
            aaaaaaaaaaaa   2d          CMD ["sh"] ^[[31m                               0B       made by hand
            <missing>      <unknown>   <missing>                                       12B      
            <missing>      12d         ADD rootfs.tar.xz / # buildkit and a lot mor…   1.50MB   

            """), (run.Code, run.Out));
        PodctlRun whole = await RunAsync("history", "localhost/web:1", "--no-trunc");
        Assert.Contains(Id, whole.Out);
        Assert.Contains("and a lot more of this and that", whole.Out);
        PodctlRun json = await RunAsync("history", "localhost/web:1", "-o", "json");
        Assert.Equal(3, JsonNode.Parse(json.Out)!.AsArray().Count);
        Assert.Equal(3, (await RunAsync("history", "localhost/none:1")).Code);
    }

    [Fact(DisplayName = "tag tells each name that was given; a source that is missing exits with 3, a name that cannot be with 1")]
    public async Task Tag()
    {
        PodctlRun run = await RunAsync("tag", "localhost/web:1", "localhost/a:1", "localhost/b:1");
        Assert.Equal((0, "tagged localhost/web:1 as localhost/a:1\ntagged localhost/web:1 as localhost/b:1\n"), (run.Code, run.Out));
        Assert.Equal(3, (await RunAsync("tag", "localhost/none:1", "x")).Code);
        Assert.Equal(1, (await RunAsync("tag", "localhost/web:1", "x@sha256:1")).Code);
    }

    [Fact(DisplayName = "rm goes on after an image in use and one that is missing; the failure makes the exit code, and --force removes")]
    public async Task Remove()
    {
        _api.Images.Add("localhost/db:1", 1);
        _api.ImageUsers[Id] = ["default/web"];
        PodctlRun run = await RunAsync("rm", "localhost/none:1", "localhost/web:1", "localhost/none:2");
        Assert.Equal((1, "", 3), (run.Code, run.Out, run.Error.Count(c => c == '\n')));
        Assert.Contains("podctl: image rm localhost/web:1: image localhost/web:1 is used by pods default/web\n", run.Error);
        PodctlRun forced = await RunAsync("rm", "--force", "localhost/web:1");
        Assert.Equal((0, "removed localhost/web:1\n"), (forced.Code, forced.Out));
    }

    [Fact(DisplayName = "import sends the file or standard input with its changes and its message")]
    public async Task Import()
    {
        string file = Path.Combine(_api.Root, "rootfs.tar");
        await File.WriteAllTextAsync(file, "files", TestContext.Current.CancellationToken);
        PodctlRun run = await RunAsync("import", file, "localhost/new:1", "--change", "CMD [\"sh\", \"-c\"]", "-c", "ENV A=b&c", "-m", "by hand");
        Assert.Equal((0, $"imported localhost/new:1 ({Id})\n"), (run.Code, run.Out));
        PodctlRun input = await PodctlRun.RunAsync("streamed", _api.Time, "--socket", _api.Paths.ApiSocket, "image", "import", "-", "localhost/new:2");
        Assert.Equal(0, input.Code);
        Assert.Equal(["import localhost/new:1 [CMD [\"sh\", \"-c\"]][ENV A=b&c] by hand: files", "import localhost/new:2 [] : streamed"], _api.Library.Calls);
        Assert.Equal(3, (await RunAsync("import", "/no/such.tar", "x")).Code);
    }

    [Fact(DisplayName = "save writes to a file that appears when it is complete, or to standard output, but never to a terminal")]
    public async Task Save()
    {
        string file = Path.Combine(_api.Root, "saved.tar");
        PodctlRun toFile = await RunAsync("save", "-o", file, "--format", "docker-archive", "localhost/web:1");
        Assert.Equal((0, "", "DockerArchive: localhost/web:1"), (toFile.Code, toFile.Out, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)));
        Assert.Equal("OciArchive: localhost/web:1", (await RunAsync("save", "localhost/web:1")).Out);
        PodctlRun missing = await RunAsync("save", "-o", file + ".2", "localhost/none:1");
        Assert.Equal((3, false), (missing.Code, File.Exists(file + ".2")));

        using var io = new PodctlIo(Stream.Null, Stream.Null, Stream.Null) { OutIsTerminal = true, Time = _api.Time };
        Assert.Equal(ExitCode.WrongCommandLine, await PodctlRun.StartAsync(io, "--socket", _api.Paths.ApiSocket, "image", "save", "localhost/web:1"));
    }

    [Fact(DisplayName = "a save that is cut off leaves the file as it was and fails")]
    public async Task SaveCutOff()
    {
        string file = Path.Combine(_api.Root, "saved.tar");
        await File.WriteAllTextAsync(file, "before", TestContext.Current.CancellationToken);
        _api.Library.SaveBreaksOff = true;

        PodctlRun run = await RunAsync("save", "-o", file, "localhost/web:1");

        Assert.Equal((1, "before"), (run.Code, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)));
        // Where it is cut off, before the first byte or after it, is chance.
        Assert.StartsWith("podctl: image save localhost/web:1: ", run.Error);
        Assert.Empty(Directory.GetFiles(_api.Root, "*.part"));
    }

    [Fact(DisplayName = "verify exits with 0 when nothing is wrong, else with 1 and a line for each fault")]
    public async Task Verify()
    {
        PodctlRun fine = await RunAsync("verify");
        Assert.Equal((0, "1 image, 3 blobs, 2.00MB: nothing is wrong\n"), (fine.Code, fine.Out));

        _api.Library.Verification = new ImageVerification(2, 4, 5000,
        [
            new ImageFinding(ImageFault.Layout, [], null, "index.json is not what the agent wrote", "it was written anew"),
            new ImageFinding(ImageFault.Damaged, ["localhost/a:1", "localhost/web:1"], "sha256:77", "its content has digest sha256:88", "it was set aside; pull or load the image again"),
        ]);
        PodctlRun faulty = await RunAsync("verify");
        Assert.Equal((1, """
            layout    index.json is not what the agent wrote; it was written anew
            damaged   localhost/a:1, localhost/web:1: sha256:77: its content has digest sha256:88; it was set aside; pull or load the image again
            2 images, 4 blobs, 5.00kB: 2 faults

            """), (faulty.Code, faulty.Out));
        PodctlRun json = await RunAsync("verify", "-o", "json");
        Assert.Equal((1, "Damaged"), (json.Code, (string)JsonNode.Parse(json.Out)!["findings"]![1]!["fault"]!));
    }

    [Theory(DisplayName = "a command line that is wrong exits with 2 before the agent is asked")]
    [InlineData("inspect")]
    [InlineData("history a b")]
    [InlineData("tag a")]
    [InlineData("import rootfs.tar")]
    [InlineData("save")]
    [InlineData("save -o x --format zip a")]
    [InlineData("verify everything")]
    [InlineData("rm --forced a")]
    public async Task Wrong(string line) => Assert.Equal(ExitCode.WrongCommandLine, (await RunAsync(line.Split(' '))).Code);
}
