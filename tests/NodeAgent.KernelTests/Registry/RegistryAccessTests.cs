using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Registries that ask who is there, and clients that ask who answers.</summary>
public sealed class RegistryAccessTests : IDisposable
{
    private const string User = "someone";
    private const string Password = "pass: word/é";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Task<RegistryServer> ServePrivateAsync() => RegistryImages.ServeAsync(settings => settings with { Login = (User, Password) });

    [Fact]
    public async Task A_private_registry_gives_its_images_to_who_has_the_password()
    {
        await using RegistryServer registry = await ServePrivateAsync();
        await using PullStore store = await PullStore.OpenAsync(credentials: AuthFile.Of((registry.Host, User, Password)));

        ImageRecord image = await store.PullAsync($"{registry.Host}/test/busybox:1");

        Assert.Equal(2, image.DiffIds.Count);
    }

    [Fact]
    public async Task A_private_registry_refuses_who_has_no_password_or_a_wrong_one()
    {
        await using RegistryServer registry = await ServePrivateAsync();
        string reference = $"{registry.Host}/test/busybox:1";
        await using PullStore nobody = await PullStore.OpenAsync();
        await using PullStore wrong = await PullStore.OpenAsync(credentials: AuthFile.Of((registry.Host, User, "guessed")));

        ImageException unnamed = await nobody.PullFailsAsync(reference);
        ImageException refused = await wrong.PullFailsAsync(reference);

        Assert.Equal((ImageFailure.ErrImagePull, ImageFailure.ErrImagePull), (unnamed.Failure, refused.Failure));
        Assert.Contains("401", unnamed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("guessed", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(AuthFile.Basic(User, "guessed"), refused.Message, StringComparison.Ordinal);
        await nobody.AssertEmptyAsync();
    }

    [Fact]
    public async Task The_longest_key_that_fits_wins()
    {
        await using RegistryServer registry = await ServePrivateAsync();
        await using PullStore store = await PullStore.OpenAsync(credentials: AuthFile.Of(
            (registry.Host, User, "wrong"), ($"{registry.Host}/test", User, Password), ($"{registry.Host}/tes", User, "wrong"), ($"{registry.Host}/test/debian", User, "wrong")));

        await store.PullAsync($"{registry.Host}/test/busybox:1");
    }

    [Fact]
    public async Task Credentials_that_are_put_right_are_taken_at_the_next_pull()
    {
        await using RegistryServer registry = await ServePrivateAsync();
        await using PullStore store = await PullStore.OpenAsync(credentials: AuthFile.Of((registry.Host, User, "old")));
        await store.PullFailsAsync($"{registry.Host}/test/busybox:1");

        await File.WriteAllTextAsync(store.CredentialsFile, AuthFile.Of((registry.Host, User, Password)));

        await store.PullAsync($"{registry.Host}/test/busybox:1");
    }

    [Theory]
    [InlineData("credHelpers")]
    [InlineData("credsStore")]
    public async Task A_credential_helper_is_asked_for_the_host(string form)
    {
        await using RegistryServer registry = await ServePrivateAsync();
        string asked = _folder["asked"];
        string helper = _folder["docker-credential-test"];
        await File.WriteAllTextAsync(helper, $$"""
            #!/bin/sh
            echo "$1" > {{asked}}; cat >> {{asked}}
            printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}\n' '{{registry.Host}}' '{{User}}' '{{Password}}'
            """, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(helper, (UnixFileMode)0x1ED);
        string file = form == "credsStore" ? """{"credsStore":"test"}""" : AuthFile.OfHelper(registry.Host, "test");
        await using PullStore store = await PullStore.OpenAsync(credentials: file);
        string path = Environment.GetEnvironmentVariable("PATH")!;
        try
        {
            Environment.SetEnvironmentVariable("PATH", $"{_folder.Path}:{path}");
            await store.PullAsync($"{registry.Host}/test/busybox:1");
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }

        Assert.Equal($"get\n{registry.Host}", (await File.ReadAllTextAsync(asked, TestContext.Current.CancellationToken)).TrimEnd('\n'));
    }

    [Fact]
    public async Task A_registry_of_an_authority_of_its_own_is_trusted_only_when_that_is_named()
    {
        using TestCertificate authority = TestCertificate.Authority("own");
        using TestCertificate certificate = authority.Issue("registry");
        await using RegistryServer registry = await RegistryImages.ServeAsync(settings => settings with { Certificate = certificate });
        string reference = $"{registry.Host}/test/busybox:1";
        await using PullStore store = await PullStore.OpenAsync($"- host: {registry.Host}\n  url: {registry.Url}");

        ImageException refused = await store.PullFailsAsync(reference);
        Assert.Contains("certificate", refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(registry.Requests, request => request.Manifest is not null);

        using TestCertificate other = TestCertificate.Authority("other");
        store.Configure($"- host: {registry.Host}\n  url: {registry.Url}\n  ca: {other.SaveCertificate(_folder.Path)}");
        await store.PullFailsAsync(reference);

        store.Configure($"- host: {registry.Host}\n  url: {registry.Url}\n  ca: {authority.SaveCertificate(_folder.Path)}");
        await store.PullAsync(reference);
    }

    [Fact]
    public async Task A_certificate_is_not_verified_only_where_that_is_written()
    {
        using TestCertificate authority = TestCertificate.Authority("own");
        using TestCertificate certificate = authority.Issue("registry");
        await using RegistryServer registry = await RegistryImages.ServeAsync(settings => settings with { Certificate = certificate });
        string reference = $"{registry.Host}/test/busybox:1";
        await using PullStore store = await PullStore.OpenAsync($"- host: {registry.Host}\n  url: {registry.Url}\n  skipVerify: false\n- host: other.example\n  skipVerify: true");

        await store.PullFailsAsync(reference);
        store.Configure($"- host: {registry.Host}\n  url: {registry.Url}\n  skipVerify: true");

        await store.PullAsync(reference);
    }

    [Fact]
    public async Task A_registry_that_wants_a_client_certificate_gets_the_one_that_is_named()
    {
        using TestCertificate authority = TestCertificate.Authority("own");
        using TestCertificate certificate = authority.Issue("registry");
        using TestCertificate clients = TestCertificate.Authority("clients");
        using TestCertificate client = clients.Issue("client");
        await using RegistryServer registry = await RegistryImages.ServeAsync(settings => settings with { Certificate = certificate, ClientAuthority = clients });
        string reference = $"{registry.Host}/test/busybox:1";
        string entry = $"- host: {registry.Host}\n  url: {registry.Url}\n  ca: {authority.SaveCertificate(_folder.Path)}";
        await using PullStore store = await PullStore.OpenAsync(entry);

        await store.PullFailsAsync(reference);
        store.Configure($"{entry}\n  clientCertificate: {client.SaveCertificate(_folder.Path)}\n  clientKey: {client.SaveKey(_folder.Path)}");

        await store.PullAsync(reference);
    }
}
