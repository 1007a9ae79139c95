using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace NodeAgent.Testing.Registry;

/// <summary>What a client asked a token service.</summary>
/// <param name="Method">GET with Basic credentials or none, or POST with a form.</param>
/// <param name="User">Of the Basic credentials; null without any.</param>
/// <param name="Grant">Of the form: <c>password</c> or <c>refresh_token</c>.</param>
public sealed record TokenRequest(string Method, string Scope, string? User, string? Grant);

/// <summary>
/// Gives tokens that Debian's docker-registry believes: JSON web tokens signed by a certificate that it is told of. Source: the distribution project's
/// token authentication specification.
/// </summary>
public sealed class TokenService : IAsyncDisposable
{
    public const string Service = "registry.test";
    public const string Issuer = "token-service.test";
    public const string User = "puller";
    public const string Password = "a password with: a colon";
    public const string IdentityToken = "an-identity-token";

    /// <summary>How much longer the registry believes a token than is written in it.</summary>
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(60);

    private readonly WebApplication _application;
    private readonly Lock _gate = new();
    private readonly List<TokenRequest> _requests = [];

    private TokenService(WebApplication application) => _application = application;

    public TestCertificate Certificate { get; } = TestCertificate.Authority("token-service");

    /// <summary>Whether a request without the right name and password is answered with a token that allows nothing.</summary>
    public bool Public { get; set; }

    /// <summary>How long the registry believes a token.</summary>
    public TimeSpan Life { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>What the answer says of the token's life, in seconds; null to say nothing.</summary>
    public int? Said { get; set; } = 300;

    public Uri Realm => new(_application.Urls.First() + "/token");

    public IReadOnlyList<TokenRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    public static async Task<TokenService> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication application = builder.Build();
        TokenService service = new(application);
        application.Run(service.AnswerAsync);
        await application.StartAsync();
        return service;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        IFormCollection? form = context.Request.HasFormContentType ? await context.Request.ReadFormAsync() : null;
        string Value(string name) => (form is null ? context.Request.Query[name] : form[name]).ToString();
        StringValues scopes = form is null ? context.Request.Query["scope"] : form["scope"];
        (string? user, string? password) = Basic(context.Request.Headers.Authorization.ToString());
        string? grant = form?["grant_type"].ToString();
        lock (_gate)
            _requests.Add(new TokenRequest(context.Request.Method, string.Join(' ', scopes.ToArray()), user, grant));
        bool known = grant switch
        {
            "refresh_token" => Value("refresh_token") == IdentityToken,
            "password" => Value("username") == User && Value("password") == Password,
            _ => user == User && password == Password,
        };
        if (Value("service") != Service || !(known || Public))
        {
            context.Response.StatusCode = (int)HttpStatusCode.Unauthorized;
            await context.Response.WriteAsync("""{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}""");
            return;
        }
        string token = Sign(scopes);
        JsonObject answer = new() { [form is null ? "token" : "access_token"] = token, ["expires_in"] = Said };
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString());
    }

    private static (string? User, string? Password) Basic(string header)
    {
        if (!header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
            return default;
        string text = Encoding.UTF8.GetString(Convert.FromBase64String(header["Basic ".Length..]));
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return (text[..colon], text[(colon + 1)..]);
    }

    private string Sign(StringValues scopes)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        JsonArray access = [];
        foreach (string scope in scopes.SelectMany(value => (value ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            string[] parts = scope.Split(':');
            access.Add(new JsonObject { ["type"] = parts[0], ["name"] = string.Join(':', parts[1..^1]), ["actions"] = new JsonArray([.. parts[^1].Split(',').Select(action => (JsonNode)action)]) });
        }
        JsonObject header = new() { ["typ"] = "JWT", ["alg"] = "RS256", ["x5c"] = new JsonArray(Convert.ToBase64String(Certificate.Bytes)) };
        JsonObject claims = new()
        {
            ["iss"] = Issuer,
            ["sub"] = User,
            ["aud"] = Service,
            ["exp"] = (now + Life - Leeway).ToUnixTimeSeconds(),
            ["nbf"] = now.AddHours(-1).ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["jti"] = Guid.NewGuid().ToString(),
            ["access"] = access,
        };
        string payload = $"{Encode(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{Encode(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        return $"{payload}.{Encode(Certificate.Sign(Encoding.ASCII.GetBytes(payload)))}";
    }

    private static string Encode(byte[] data) => System.Buffers.Text.Base64Url.EncodeToString(data);

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        Certificate.Dispose();
    }
}
