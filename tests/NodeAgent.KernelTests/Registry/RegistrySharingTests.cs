using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>What is fetched, and how often, by the registry's own access log; and what is not taken at all.</summary>
public sealed class RegistrySharingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>How often each blob was fetched, in part or as a whole.</summary>
    public static Dictionary<string, int> Fetches(IEnumerable<RegistryRequest> requests) => requests
        .Where(request => request is { Method: "GET", Blob: not null }).CountBy(request => request.Blob!).ToDictionary(StringComparer.Ordinal);

    /// <summary>A registry of a test's own, to be written to.</summary>
    private async Task<RegistryServer> ServeOwnAsync(params string[] images)
    {
        RegistryImages.Require();
        return await RegistryServer.StartAsync(new RegistrySettings(await BuiltImage.MakeStorageAsync(_folder["storage"], images)));
    }

    [Fact]
    public async Task Fifty_pulls_of_one_image_at_once_fetch_each_blob_once()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();

        ImageRecord[] images = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => store.PullAsync($"{registry.Host}/test/busybox:1")));

        Assert.Single(images.Select(image => image.Id).Distinct());
        Dictionary<string, int> fetches = Fetches(await registry.StopAsync());
        Assert.Equal(3, fetches.Count);
        Assert.All(fetches, fetch => Assert.Equal(1, fetch.Value));
    }

    [Fact]
    public async Task Images_that_share_blobs_pulled_at_once_fetch_each_once()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();

        // The same layers under an OCI manifest and under one of docker's; two tags of one of them.
        await Task.WhenAll(
            store.PullAsync($"{registry.Host}/test/layers127:1"), store.PullAsync($"{registry.Host}/test/layers127:docker"), store.PullAsync($"{registry.Host}/test/layers127:1"));

        Dictionary<string, int> fetches = Fetches(await registry.StopAsync());
        string configuration = Assert.Single(await store.Images.ListImagesAsync(CancellationToken.None)).Id;
        // Each manifest's pull looks at its configuration for itself.
        Assert.InRange(fetches[configuration], 1, 2);
        fetches.Remove(configuration);
        Assert.Equal(127, fetches.Count);
        Assert.All(fetches, fetch => Assert.Equal(1, fetch.Value));
    }

    [Fact]
    public async Task Asking_again_looks_at_the_manifest_and_fetches_no_blob()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();
        ImageRecord first = await store.PullAsync($"{registry.Host}/test/busybox:1");
        await using RegistryServer again = await RegistryImages.ServeAsync();
        store.Configure($"- host: {registry.Host}\n  url: {again.Url}");

        ImageRecord second = await store.PullAsync($"{registry.Host}/test/busybox:1");

        Assert.Equal(first.Id, second.Id);
        IReadOnlyList<RegistryRequest> requests = await again.StopAsync();
        Assert.Contains(requests, request => request.Manifest == "1" && request.Method is "HEAD" or "GET");
        Assert.Empty(Fetches(requests));
    }

    [Fact]
    public async Task A_tag_that_has_moved_brings_the_new_image_and_only_what_is_new_of_it()
    {
        await using RegistryServer registry = await ServeOwnAsync("busybox");
        await using PullStore store = await PullStore.OpenAsync();
        string reference = $"{registry.Host}/test/busybox:1";
        ImageRecord old = await store.PullAsync(reference);
        string layout = _folder["layout"];
        Tool.Shell($"cp -a {(await BuiltImage.GetAsync("busybox")).Layout} {layout}; umoci config --image {layout}:1 --config.env NEW=yes");
        Tool.Run("skopeo", "copy", "-q", "--dest-tls-verify=false", $"oci:{layout}:1", $"docker://{reference}");
        int before = Fetches(registry.Requests).Values.Sum();

        ImageRecord young = await store.PullAsync(reference);

        Assert.NotEqual(old.Id, young.Id);
        Assert.Contains("NEW=yes", young.Config.Env);
        Assert.Equal(young.Id, (await store.Images.ImageStatusAsync(reference, CancellationToken.None))?.Id);
        Assert.Equal(before + 1, Fetches(await registry.StopAsync()).Values.Sum());
        store.AssertVerifies();
    }

    [Fact]
    public async Task What_another_repository_has_brought_is_not_fetched_again()
    {
        await using RegistryServer registry = await ServeOwnAsync("busybox");
        await using PullStore store = await PullStore.OpenAsync();
        Tool.Run("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", $"docker://{registry.Host}/test/busybox:1", $"docker://{registry.Host}/other/name:2");
        int pushed = Fetches(registry.Requests).Values.Sum();

        await store.PullAsync($"{registry.Host}/test/busybox:1");
        await store.PullAsync($"{registry.Host}/other/name:2");

        Assert.Equal(pushed + 3, Fetches(await registry.StopAsync()).Values.Sum());
        Assert.Equal([$"{registry.Host}/other/name:2", $"{registry.Host}/test/busybox:1"], Assert.Single(await store.Images.ListImagesAsync(CancellationToken.None)).Names);
    }

    [Fact]
    public async Task Manifests_of_dockers_first_schema_are_refused_by_that_name()
    {
        await using RegistryServer registry = await ServeOwnAsync("busybox");
        Tool.Run("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s1", $"docker://{registry.Host}/test/busybox:1", $"docker://{registry.Host}/test/old:1");
        await using PullStore store = await PullStore.OpenAsync();

        ImageException refused = await store.PullFailsAsync($"{registry.Host}/test/old:1");

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains("schema 1", refused.Message, StringComparison.OrdinalIgnoreCase);
        await store.AssertEmptyAsync();
    }

    [Fact]
    public async Task Foreign_layers_are_refused_by_that_name_and_nothing_is_fetched()
    {
        await using RegistryServer registry = await ServeOwnAsync("busybox");
        JsonNode manifest = JsonNode.Parse(Tool.Run("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{registry.Host}/test/busybox:docker"))!;
        manifest["layers"]![0]!["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        manifest["layers"]![0]!["urls"] = new JsonArray("https://elsewhere.example/layer");
        await PutManifestAsync(registry, "test/busybox", "foreign", manifest, "application/vnd.docker.distribution.manifest.v2+json");
        await using PullStore store = await PullStore.OpenAsync();

        ImageException refused = await store.PullFailsAsync($"{registry.Host}/test/busybox:foreign");

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains("foreign layer", refused.Message, StringComparison.Ordinal);
        await store.AssertEmptyAsync();
    }

    [Fact]
    public async Task An_index_without_this_machines_platform_is_refused_with_those_it_has()
    {
        await using RegistryServer registry = await ServeOwnAsync("many-platforms");
        JsonNode index = JsonNode.Parse(Tool.Run("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{registry.Host}/test/many-platforms:1"))!;
        JsonArray manifests = index["manifests"]!.AsArray();
        for (int i = manifests.Count - 1; i >= 2; i--)
            manifests.RemoveAt(i);
        await PutManifestAsync(registry, "test/many-platforms", "few", index, "application/vnd.oci.image.index.v1+json");
        await using PullStore store = await PullStore.OpenAsync();

        ImageException refused = await store.PullFailsAsync($"{registry.Host}/test/many-platforms:few");

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains("linux/s390x", refused.Message, StringComparison.Ordinal);
        Assert.Contains("linux/arm/v7", refused.Message, StringComparison.Ordinal);
        await store.AssertEmptyAsync();
    }

    private static async Task PutManifestAsync(RegistryServer registry, string repository, string tag, JsonNode manifest, string mediaType)
    {
        using HttpClient client = new();
        using ByteArrayContent content = new(Encoding.UTF8.GetBytes(manifest.ToJsonString()));
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        using HttpResponseMessage answer = await client.PutAsync(new Uri(registry.Url, $"/v2/{repository}/manifests/{tag}"), content, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
