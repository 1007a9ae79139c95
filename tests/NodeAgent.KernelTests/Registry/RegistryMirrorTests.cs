using NodeAgent.Core.Cri;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Mirrors are asked in order, and the registry itself after them.</summary>
public sealed class RegistryMirrorTests : IAsyncLifetime
{
    private const string Reference = "registry.example/test/busybox:1";

    private RegistryServer? _registry;
    private RegistryServer? _mirror;

    private RegistryServer Registry => _registry!;

    private RegistryServer Mirror => _mirror!;

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryImages.ServeAsync();
        _mirror = await RegistryImages.ServeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
            await _registry.DisposeAsync();
        if (_mirror is not null)
            await _mirror.DisposeAsync();
    }

    private static string Dead() => $"http://127.0.0.1:{RegistryImages.DeadPort()}";

    private string Entry(string extra, params string[] mirrors) =>
        $"- host: registry.example\n  url: {Registry.Url}\n  {extra}\n  mirrors:\n" + string.Join('\n', mirrors.Select(mirror => "  - url: " + mirror));

    private static int Blobs(IEnumerable<RegistryRequest> requests) => requests.Count(request => request is { Method: "GET", Blob: not null });

    [Fact]
    public async Task A_mirror_that_is_down_is_passed_over()
    {
        await using PullStore store = await PullStore.OpenAsync(Entry("skipVerify: false", Dead(), Mirror.Url.ToString()));

        ImageRecord image = await store.PullAsync(Reference);

        Assert.Equal([Reference], image.Names);
        Assert.Equal(3, Blobs(await Mirror.StopAsync()));
        Assert.Empty(await Registry.StopAsync());
    }

    [Fact]
    public async Task When_all_mirrors_are_down_the_registry_is_asked()
    {
        await using PullStore store = await PullStore.OpenAsync(Entry("skipVerify: false", Dead(), Dead()));

        await store.PullAsync(Reference);

        Assert.Equal(3, Blobs(await Registry.StopAsync()));
    }

    [Fact]
    public async Task What_a_mirror_does_not_have_the_registry_gives()
    {
        await using PullStore store = await PullStore.OpenAsync(Entry("skipVerify: false", Mirror.Url + "nothing/here"));

        await store.PullAsync(Reference);

        Assert.Equal(3, Blobs(await Registry.StopAsync()));
        Assert.Contains(await Mirror.StopAsync(), request => request is { Status: 404 } && request.Target.Contains("/nothing/here/test/busybox/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_mirror_that_lies_is_found_out_and_the_registry_gives_what_is_right()
    {
        await using FaultyProxy liar = await FaultyProxy.StartAsync(Mirror.Url);
        liar.Decide = request => request.IsBlob ? new Fault.Lie() : null;
        await using PullStore store = await PullStore.OpenAsync(Entry("skipVerify: false", liar.Url.ToString()));

        ImageRecord image = await store.PullAsync(Reference);

        Assert.Equal((await BuiltImage.GetAsync("busybox")).Listing, await store.TreeAsync(image));
        store.AssertVerifies();
    }

    [Fact]
    public async Task A_mirror_that_goes_down_in_the_middle_is_replaced_by_the_next()
    {
        await using FaultyProxy failing = await FaultyProxy.StartAsync(Mirror.Url);
        failing.Decide = request => request.IsBlob ? new Fault.Drop() : null;
        await using PullStore store = await PullStore.OpenAsync(Entry("skipVerify: false", failing.Url.ToString()));

        await store.PullAsync(Reference);

        Assert.Equal(3, Blobs(await Registry.StopAsync()));
    }

    [Fact]
    public async Task Where_only_mirrors_may_be_asked_the_registry_never_is()
    {
        await using PullStore store = await PullStore.OpenAsync(Entry("mirrorsOnly: true", Dead()));

        ImageException failed = await store.PullFailsAsync(Reference);
        Assert.Equal(ImageFailure.RegistryUnavailable, failed.Failure);

        store.Configure(Entry("mirrorsOnly: true", Dead(), Mirror.Url.ToString()));
        await store.PullAsync(Reference);
        Assert.Empty(await Registry.StopAsync());
    }

    [Fact]
    public async Task The_path_of_a_mirror_stands_before_the_image()
    {
        await using PullStore store = await PullStore.OpenAsync(Entry("mirrorsOnly: true", Mirror.Url + "test"));

        ImageRecord image = await store.PullAsync("registry.example/busybox:1");

        Assert.Equal(["registry.example/busybox:1"], image.Names);
    }

    [Fact]
    public async Task What_is_written_for_every_host_holds_for_those_without_an_entry()
    {
        await using PullStore store = await PullStore.OpenAsync(
            $"- host: '*'\n  mirrors:\n  - url: {Mirror.Url}\n- host: registry.example\n  url: {Registry.Url}");

        await store.PullAsync("another.example/test/busybox:1");
        Assert.Equal(3, Blobs(Mirror.Requests));

        await using PullStore other = await PullStore.OpenAsync($"- host: '*'\n  mirrors:\n  - url: {Mirror.Url}\n- host: registry.example\n  url: {Registry.Url}");
        await other.PullAsync(Reference);
        Assert.Equal(3, Blobs(await Registry.StopAsync()));
        Assert.Equal(3, Blobs(await Mirror.StopAsync()));
    }
}
