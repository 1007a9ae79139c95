using System.Net.Http.Headers;
using NodeAgent.Images.Registry;
using Xunit;

namespace NodeAgent.UnitTests.Registries;

public sealed class ChallengeTests
{
    private static Challenge? Choose(params string[] headers)
    {
        using HttpResponseMessage response = new();
        foreach (string header in headers)
            response.Headers.TryAddWithoutValidation("WWW-Authenticate", header);
        return Challenge.Choose(response.Headers.WwwAuthenticate);
    }

    [Fact]
    public void A_token_service_is_named_by_realm_service_and_scope()
    {
        Challenge challenge = Choose("Bearer realm=\"https://auth.example/token?x=1\",service=\"r.example\",scope=\"repository:a/b:pull,push\"")!;

        Assert.Equal(("bearer", "https://auth.example/token?x=1", "r.example", "repository:a/b:pull,push"), (challenge.Scheme, challenge.Realm, challenge.Service, challenge.Scope));
    }

    [Fact]
    public void A_token_goes_before_a_password_whatever_the_order() =>
        Assert.Equal("bearer", Choose("Basic realm=\"r\"", "Bearer realm=\"https://a\"")?.Scheme);

    [Theory]
    [InlineData("Negotiate")]
    [InlineData("Bearer service=\"no realm\"")]
    public void What_cannot_be_met_is_no_challenge(string header) => Assert.Null(Choose(header));

    [Theory]
    [InlineData("realm=\"a \\\"b\\\"\" , Service = plain", "a \"b\"", "plain")]
    [InlineData("realm=x,service=\"unfinished", "x", null)]
    [InlineData("realm=x,,  service=y", "x", "y")]
    public void Parameters_may_be_quoted_or_not(string text, string? realm, string? service)
    {
        Dictionary<string, string> parameters = Challenge.Parse(text);

        Assert.Equal(realm, parameters.GetValueOrDefault("realm"));
        Assert.Equal(service, parameters.GetValueOrDefault("service"));
    }
}
