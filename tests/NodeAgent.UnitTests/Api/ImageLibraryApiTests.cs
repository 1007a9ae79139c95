using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace NodeAgent.UnitTests.Api;

/// <summary>What can be done with images over the API beyond loading and listing.</summary>
public sealed class ImageLibraryApiTests : IAsyncLifetime
{
    private const string Images = "/apis/podagent.io/v1alpha1/images";

    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync()
    {
        _api.Images.Add("localhost/team/tag", 12);
        _api.Images.Add("localhost/web:1", 12);
        return _api.InitializeAsync();
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "details give names, digests, the configuration as it is, layers and history")]
    public async Task Details()
    {
        (HttpStatusCode code, JsonNode details) = await _api.GetAsync($"{Images}/localhost/web:1?details=true");

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(("ImageDetails", "podagent.io/v1alpha1", "localhost/web:1"),
            ((string)details["kind"]!, (string)details["apiVersion"]!, (string)details["metadata"]!["name"]!));
        Assert.Equal("""{"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}}""", details["config"]!.ToJsonString());
        Assert.Equal(("somebody", "linux", "amd64", "v2", "layers"), ((string)details["author"]!, (string)details["os"]!, (string)details["architecture"]!,
            (string)details["variant"]!, (string)details["rootfs"]!["type"]!));
        Assert.Equal("2026-02-27T12:00:00Z", (string)details["created"]!);
        Assert.Equal((2, 3), (details["layers"]!.AsArray().Count, details["history"]!.AsArray().Count));
        Assert.Equal(("sha256:blob1", "sha256:1", 1_500_000L), ((string)details["layers"]![0]!["digest"]!, (string)details["layers"]![0]!["diffId"]!,
            (long)details["layers"]![0]!["sizeBytes"]!));
        Assert.Equal("sha256:blob2", (string)details["history"]![1]!["layer"]!);
        Assert.Null(details["history"]![2]!["layer"]);
    }

    [Fact(DisplayName = "a name may end in any word: what is to be done stands in the query")]
    public async Task NamesEndInAnyWord()
    {
        Assert.Equal("localhost/team/tag", (string)(await _api.GetAsync($"{Images}/localhost/team/tag")).Body["metadata"]!["name"]!);
        (HttpStatusCode code, _) = await _api.GetAsync($"{Images}/localhost/team/tag?tag=localhost/a:1&tag=localhost/b:1", method: HttpMethod.Post);
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(["localhost/a:1", "localhost/b:1", "localhost/team/tag", "localhost/web:1"], ApiReadTests.Names((await _api.GetAsync(Images)).Body));
    }

    [Fact(DisplayName = "an import gets its name, its changes in order, its message and the body")]
    public async Task Imports()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        string query = "?import=localhost/new:1&change=" + Uri.EscapeDataString("CMD [\"a b\"]") + "&change=USER%201&message=" + Uri.EscapeDataString("why & how");
        using HttpResponseMessage answer = await _api.Client.PostAsync(Images + query, new StringContent("rootfs"), cancel);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal("import localhost/new:1 [CMD [\"a b\"]][USER 1] why & how: rootfs", Assert.Single(_api.Library.Calls));
        Assert.Empty(Directory.GetFiles(_api.Paths.Root + "/uploads"));
    }

    [Fact(DisplayName = "a save answers with the archive of all that was asked for")]
    public async Task Saves()
    {
        using HttpResponseMessage answer = await _api.Client.GetAsync(
            $"{Images}?save=localhost/web:1&save=localhost/team/tag&format=docker-archive", TestContext.Current.CancellationToken);

        Assert.Equal("application/x-tar", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal("DockerArchive: localhost/web:1 localhost/team/tag", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact(DisplayName = "a save that fails in the middle is cut off, so that nobody takes it for an archive")]
    public async Task CutOff()
    {
        _api.Library.SaveBreaksOff = true;

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _api.Client.GetAsync($"{Images}?save=localhost/web:1", TestContext.Current.CancellationToken));
    }

    [Fact(DisplayName = "an image that pods use is refused with a conflict that names them, and goes by force")]
    public async Task InUse()
    {
        _api.ImageUsers["sha256:" + new string('a', 64)] = ["default/web", "kube-system/dns"];

        (HttpStatusCode code, JsonNode refused) = await _api.GetAsync($"{Images}/localhost/web:1", method: HttpMethod.Delete);
        Assert.Equal((HttpStatusCode.Conflict, "Conflict"), (code, (string)refused["reason"]!));
        Assert.Contains("default/web, kube-system/dns", (string)refused["message"]!);
        Assert.Equal("Success", (string)(await _api.GetAsync($"{Images}/localhost/web:1?force=true", method: HttpMethod.Delete)).Body["status"]!);
    }

    [Theory(DisplayName = "what cannot be done is a Status that says why")]
    [InlineData("GET", "/aaaa", 400, "give more digits")]
    [InlineData("GET", "/localhost/none:1?details=true", 404, "images \"localhost/none:1\" not found")]
    [InlineData("GET", "/localhost/web:1?details=perhaps", 400, "details \"perhaps\": expected true or false")]
    [InlineData("GET", "?save=localhost/none:1", 404, "not found")]
    [InlineData("GET", "?save=", 400, "save: the name of an image is expected")]
    [InlineData("GET", "?save=localhost/web:1&format=zip", 400, "expected oci-archive or docker-archive")]
    [InlineData("POST", "/localhost/none:1?tag=x", 404, "not found")]
    [InlineData("POST", "/localhost/web:1?tag=x@sha256:1", 400, "a digest says")]
    [InlineData("POST", "/localhost/web:1?tag=", 400, "tag: the name of an image is expected")]
    [InlineData("POST", "/localhost/web:1", 405, "tagged (POST of one, ?tag=)")]
    [InlineData("POST", "?import=x", 400, "no archive was sent")]
    [InlineData("POST", "?verify=no", 400, "verify \"no\": expected true or false")]
    [InlineData("DELETE", "/localhost/web:1?force=yes", 400, "force \"yes\": expected true or false")]
    public async Task Refusals(string method, string path, int status, string message)
    {
        (HttpStatusCode code, JsonNode body) = await _api.GetAsync(Images + path, method: new HttpMethod(method));

        Assert.Equal((status, "Status"), ((int)code, (string)body["kind"]!));
        Assert.Contains(message, (string)body["message"]!);
    }
}
