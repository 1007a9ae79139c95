using NodeAgent.Core.Cri;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>A registry that sends clients to a token service.</summary>
public sealed class RegistryTokenTests : IAsyncLifetime
{
    private TokenService? _tokens;
    private RegistryServer? _registry;

    private TokenService Tokens => _tokens!;

    private RegistryServer Registry => _registry!;

    private string Reference => $"{Registry.Host}/test/busybox:1";

    private string Login => AuthFile.Of((Registry.Host, TokenService.User, TokenService.Password));

    public async ValueTask InitializeAsync()
    {
        RegistryImages.Require();
        _tokens = await TokenService.StartAsync();
        _registry = await RegistryImages.ServeAsync(settings => settings with { Tokens = _tokens });
    }

    public async ValueTask DisposeAsync()
    {
        if (_registry is not null)
            await _registry.DisposeAsync();
        if (_tokens is not null)
            await _tokens.DisposeAsync();
    }

    [Fact]
    public async Task One_token_serves_a_whole_pull_of_a_public_image()
    {
        Tokens.Public = true;
        await using PullStore store = await PullStore.OpenAsync();

        await store.PullAsync(Reference);

        Assert.Equal([new TokenRequest("GET", "repository:test/busybox:pull", null, null)], Tokens.Requests);
    }

    [Fact]
    public async Task The_name_and_the_password_go_to_the_token_service()
    {
        await using PullStore store = await PullStore.OpenAsync(credentials: Login);

        await store.PullAsync(Reference);

        Assert.Equal([new TokenRequest("GET", "repository:test/busybox:pull", TokenService.User, null)], Tokens.Requests);
    }

    [Fact]
    public async Task An_identity_token_is_exchanged_for_one_that_pulls()
    {
        await using PullStore store = await PullStore.OpenAsync(credentials: AuthFile.OfIdentityToken(Registry.Host, TokenService.IdentityToken));

        await store.PullAsync(Reference);

        Assert.Equal([new TokenRequest("POST", "repository:test/busybox:pull", null, "refresh_token")], Tokens.Requests);
    }

    [Fact]
    public async Task Who_is_not_known_to_the_token_service_is_refused()
    {
        await using PullStore store = await PullStore.OpenAsync();

        ImageException refused = await store.PullFailsAsync(Reference);

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        await store.AssertEmptyAsync();
    }

    [Theory]
    [InlineData(300)]
    [InlineData(1)]
    [InlineData(null)]
    public async Task A_token_that_ends_in_the_middle_of_a_pull_is_got_anew(int? said)
    {
        Tokens.Public = true;
        Tokens.Life = TimeSpan.FromSeconds(1);
        Tokens.Said = said;
        await using FaultyProxy proxy = await FaultyProxy.StartAsync(Registry.Url);
        Task over = Task.Delay(TimeSpan.FromSeconds(2.1), TestContext.Current.CancellationToken);
        // With the token of a moment ago, which has ended when the registry sees it.
        proxy.Decide = request => request is { IsBlob: true, Attempt: 1 } ? new Fault.Hold(over) : null;
        await using PullStore store = await PullStore.OpenAsync();

        Task<ImageRecord> pull = store.PullAsync($"{proxy.Host}/test/busybox:1");
        await over;
        Tokens.Life = TimeSpan.FromMinutes(5);

        await pull;
        Assert.InRange(Tokens.Requests.Count, 2, 4);
        Assert.Contains(Registry.Requests, request => request is { Status: 401, Blob: not null });
    }
}
