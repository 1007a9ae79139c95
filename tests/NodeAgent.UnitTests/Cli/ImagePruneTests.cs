using System.Net;
using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Pods;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

/// <summary>podctl image prune, what it asks the API for, and the sizes of images.</summary>
public sealed class ImagePruneTests : IAsyncLifetime
{
    private const string Path = "/apis/podagent.io/v1alpha1/images";
    private static readonly string Id = "sha256:" + new string('c', 64);
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    private void CanGo(long bytes, string[] names, params string[] failures) => _api.Prunable = new ImagePrune(
        new ImageRemovals([new ImageRecord(Id, names, Id, 1, [], new ImageConfig(), DateTimeOffset.UnixEpoch)], [.. failures], Enough: false), bytes);

    private Task<PodctlRun> PruneAsync(string? input, params string[] args) => PodctlRun.RunAsync(input, _api.Time, ["--socket", _api.Paths.ApiSocket, "image", "prune", .. args]);

    [Fact(DisplayName = "with --force it removes at once and prints what went and how much room that made")]
    public async Task Force()
    {
        CanGo(12_345_678, ["localhost/web:1"]);
        PodctlRun run = await PruneAsync(null, "--all", "--force");
        Assert.Equal((0, $"removed localhost/web:1 ({Id})\nTotal reclaimed space: 12.3MB\n", ""), (run.Code, run.Out, run.Error));
        Assert.Equal([(true, false)], _api.Prunes);
    }

    [Fact(DisplayName = "an image without a name is shown by its id, and those that have a tag are only asked for with --all")]
    public async Task Untagged()
    {
        CanGo(0, []);
        Assert.Equal($"removed {Id} ({Id})\nTotal reclaimed space: 0B\n", (await PruneAsync(null, "-f")).Out);
        Assert.Equal([(false, false)], _api.Prunes);
    }

    [Theory(DisplayName = "without --force it shows what would go and does it only after a yes")]
    [InlineData("y\n", 0, true)]
    [InlineData("yes", 0, true)]
    [InlineData("n\n", 1, false)]
    [InlineData("\n", 1, false)]
    [InlineData("", 1, false)]
    public async Task Asks(string answer, int code, bool done)
    {
        CanGo(5, ["localhost/web:1"]);
        PodctlRun run = await PruneAsync(answer);
        Assert.Equal(code, run.Code);
        Assert.StartsWith($"These images would be removed:\n  localhost/web:1 ({Id})\nGo on? [y/N] ", run.Error, StringComparison.Ordinal);
        Assert.Equal(done ? [(false, true), (false, false)] : [(false, true)], _api.Prunes);
        Assert.Equal(done, run.Out.Length > 0);
        Assert.Equal(answer.Length == 0, run.Error.Contains("--force", StringComparison.Ordinal));
    }

    [Fact(DisplayName = "where nothing would go nothing is asked")]
    public async Task Nothing() => Assert.Equal(new PodctlRun(0, "Total reclaimed space: 0B\n", ""), await PruneAsync(null));

    [Fact(DisplayName = "what cannot be removed is told and ends with 1")]
    public async Task Failure()
    {
        CanGo(5, ["localhost/web:1"], "localhost/stuck:1: device or resource busy");
        PodctlRun run = await PruneAsync(null, "--force");
        Assert.Equal((1, "podctl: image prune: localhost/stuck:1: device or resource busy\n"), (run.Code, run.Error));
        Assert.Contains("removed localhost/web:1", run.Out, StringComparison.Ordinal);
    }

    [Theory(DisplayName = "the collection is not deleted without a word that says which images are meant")]
    [InlineData("")]
    [InlineData("?prune=everything")]
    [InlineData("?prune=unused&dryRun=true")]
    public async Task Word(string query)
    {
        (HttpStatusCode code, JsonNode answer) = await _api.GetAsync(Path + query, method: HttpMethod.Delete);
        Assert.Equal((HttpStatusCode.BadRequest, "Failure"), (code, (string)answer["status"]!));
        Assert.Empty(_api.Prunes);
    }

    [Fact(DisplayName = "the wide list has the unpacked size and what is pinned, and ends with what all take together")]
    public async Task Wide()
    {
        _api.Images.Add("docker.io/library/busybox:latest", 2_160_000);
        _api.Images.Pin("docker.io/library/busybox:latest");
        Assert.Equal(
            $"""
            NAME                               IMAGE ID       SIZE     AGE   UNPACKED   LAYERS   PLATFORM      PINNED   DIGEST
            docker.io/library/busybox:latest   aaaaaaaaaaaa   2.16MB   60m   6.48MB     2        linux/amd64   true     sha256:{new string('b', 64)}
            2.16MB compressed, 6.48MB unpacked on disk, what several images share counted once

            """, (await PodctlRun.AgainstAsync(_api, "image", "ls", "-o", "wide")).Out);
        JsonNode image = (await _api.GetAsync(Path)).Body["items"]![0]!;
        Assert.Equal((6_480_000, true), ((long)image["unpackedBytes"]!, (bool)image["pinned"]!));
        Assert.Matches(@"\nImages: +2\.16MB compressed, 6\.48MB unpacked on disk, what several images share counted once; 7B written by containers\n", (await PodctlRun.AgainstAsync(_api, "describe", "node")).Out);
        Assert.Equal(2_160_000, (long)(await _api.GetAsync("/apis/podagent.io/v1alpha1/imagefs")).Body["contentBytes"]!);
    }
}
