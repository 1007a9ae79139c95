using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Registries that keep their blobs elsewhere and say so.</summary>
public sealed class RegistryRedirectTests
{
    [Fact]
    public async Task Credentials_do_not_follow_a_redirect_to_another_host()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync(settings => settings with { Login = ("someone", "secret") });
        await using RegistryServer elsewhere = await RegistryImages.ServeAsync();
        await using FaultyProxy depot = await FaultyProxy.StartAsync(elsewhere.Url, "127.0.0.2");
        await using FaultyProxy proxy = await FaultyProxy.StartAsync(registry.Url);
        proxy.Decide = request => request.IsBlob ? new Fault.Redirect(depot.Url) : null;
        await using PullStore store = await PullStore.OpenAsync(credentials: AuthFile.Of((proxy.Host, "someone", "secret")));

        await store.PullAsync($"{proxy.Host}/test/busybox:1");

        Assert.Contains(proxy.Requests, request => request.Authorization == "Basic " + AuthFile.Basic("someone", "secret"));
        Assert.NotEmpty(depot.Requests);
        Assert.All(depot.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task A_blob_that_breaks_off_elsewhere_is_resumed_there()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using FaultyProxy depot = await FaultyProxy.StartAsync(registry.Url, "127.0.0.2");
        await using FaultyProxy proxy = await FaultyProxy.StartAsync(registry.Url);
        proxy.Decide = request => request.IsBlob ? new Fault.Redirect(depot.Url) : null;
        depot.Decide = request => request.Attempt == 1 ? new Fault.Cut(0.5) : null;
        await using PullStore store = await PullStore.OpenAsync();

        await store.PullAsync($"{proxy.Host}/test/debian:1");

        Assert.Contains(depot.Requests, request => request is { Attempt: 2, Range: not null });
        Assert.Contains(await registry.StopAsync(), request => request.Status == 206);
    }

    [Fact]
    public async Task Redirects_that_go_round_in_circles_end()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using FaultyProxy proxy = await FaultyProxy.StartAsync(registry.Url);
        proxy.Decide = request => request.IsBlob ? new Fault.Redirect(proxy.Url) : null;
        await using PullStore store = await PullStore.OpenAsync();

        await store.PullFailsAsync($"{proxy.Host}/test/busybox:1");

        await store.AssertEmptyAsync();
    }
}
