using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace NodeAgent.Images.Registry;

/// <summary>
/// The authorization that an endpoint's requests carry: none until it is asked for, then what the challenge wants, renewed before it runs out.
/// <code>
///   none --401 Basic--> basic
///   none --401 Bearer--> token service --token--> bearer --about to run out, or 401 again--> token service
/// </code>
/// One per endpoint and repository; requests that come while a token is fetched wait for that one. Thread-safe.
/// Source: the distribution project's token authentication, with its OAuth2 form for identity tokens.
/// </summary>
/// <param name="endpoint">Whose token it is.</param>
/// <param name="clientFor">The client for an address: a token service may be elsewhere.</param>
/// <param name="findCredential">Throws <see cref="Core.Cri.ImageException"/>.</param>
internal sealed class TokenSource(
    Uri endpoint, Func<Uri, HttpClient> clientFor, Func<CancellationToken, Task<RegistryCredential?>> findCredential, string repository, TimeProvider time)
{
    private static readonly TimeSpan DefaultLife = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(5);

    private sealed record Authorization(AuthenticationHeaderValue Header, Challenge Challenge, DateTimeOffset Until);

    private readonly SemaphoreSlim _one = new(1);
    private Authorization? _current;

    /// <summary>What to send with a request; null before the endpoint has ever asked. Throws <see cref="RegistryException"/>.</summary>
    public async ValueTask<AuthenticationHeaderValue?> CurrentAsync(CancellationToken cancellationToken)
    {
        Authorization? current = Volatile.Read(ref _current);
        if (current is null)
            return null;
        return time.GetUtcNow() < current.Until ? current.Header : await RenewAsync(current.Challenge, current.Header, cancellationToken);
    }

    /// <summary>Meets the challenge of an answer 401. Null when there is nothing to meet it with. Throws <see cref="RegistryException"/>.</summary>
    /// <param name="refused">What the refused request carried.</param>
    public async Task<AuthenticationHeaderValue?> RenewAsync(Challenge challenge, AuthenticationHeaderValue? refused, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            // Another request has renewed it meanwhile.
            if (_current is { } current && !ReferenceEquals(current.Header, refused) && time.GetUtcNow() < current.Until)
                return current.Header;
            RegistryCredential? credential = await findCredential(cancellationToken);
            Authorization? renewed = challenge.Scheme == "basic" ? Basic(challenge, credential, refused) : await FetchAsync(challenge, credential, cancellationToken);
            Volatile.Write(ref _current, renewed);
            return renewed?.Header;
        }
        finally
        {
            _one.Release();
        }
    }

    private static Authorization? Basic(Challenge challenge, RegistryCredential? credential, AuthenticationHeaderValue? refused)
    {
        if (credential is null || credential.User.Length == 0)
            return null;
        AuthenticationHeaderValue header = BasicHeader(credential);
        // The same again would be refused again.
        return header.Equals(refused) ? null : new Authorization(header, challenge, DateTimeOffset.MaxValue);
    }

    private static AuthenticationHeaderValue BasicHeader(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Password}")));

    private async Task<Authorization?> FetchAsync(Challenge challenge, RegistryCredential? credential, CancellationToken cancellationToken)
    {
        if (credential?.RegistryToken is { } given)
            return new Authorization(new AuthenticationHeaderValue("Bearer", given), challenge, DateTimeOffset.MaxValue);
        if (!Uri.TryCreate(challenge.Realm, UriKind.Absolute, out Uri? realm) || realm.Scheme is not ("http" or "https"))
            throw new RegistryException($"{endpoint}: it names '{challenge.Realm}' as its token service, which is no address", unavailable: false);
        if (credential is not null && realm.Scheme == "http" && endpoint.Scheme == "https")
            throw new RegistryException($"{endpoint}: its token service {realm} is not reached by https: no credentials are sent there", unavailable: false);
        DateTimeOffset asked = time.GetUtcNow();
        TokenAnswer answer = await AskAsync(realm, challenge, credential, cancellationToken);
        if ((answer.Token ?? answer.AccessToken) is not { Length: > 0 } token)
            throw new RegistryException($"token service {realm}: it answered without a token", unavailable: false);
        TimeSpan life = answer.ExpiresIn is > 0 and < int.MaxValue ? TimeSpan.FromSeconds((double)answer.ExpiresIn) : DefaultLife;
        // A life shorter than the margin is used to its middle.
        return new Authorization(new AuthenticationHeaderValue("Bearer", token), challenge, asked + (life > 2 * Margin ? life - Margin : life / 2));
    }

    private async Task<TokenAnswer> AskAsync(Uri realm, Challenge challenge, RegistryCredential? credential, CancellationToken cancellationToken)
    {
        string scope = challenge.Scope ?? $"repository:{repository}:pull";
        using HttpRequestMessage request = credential?.IdentityToken is { } identity
            ? RefreshRequest(realm, challenge, scope, identity)
            : TokenRequest(realm, challenge, scope, credential);
        try
        {
            using HttpResponseMessage response = await clientFor(realm).SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw Refused(realm, response.StatusCode, credential);
            byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            return JsonSerializer.Deserialize(body, RegistryJson.Default.TokenAnswer) ?? new TokenAnswer();
        }
        catch (JsonException e)
        {
            throw new RegistryException($"token service {realm}: it answered what is no JSON", unavailable: false, inner: e);
        }
        catch (HttpRequestException e)
        {
            throw new RegistryException($"token service {realm}: {RegistryTls.Describe(e)}", unavailable: true, inner: e);
        }
    }

    private static RegistryException Refused(Uri realm, HttpStatusCode status, RegistryCredential? credential)
    {
        bool denied = status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        string hint = !denied ? "" : credential is null ? "; there are no credentials for it in auth.json" : $"; {credential} were refused";
        return new RegistryException($"token service {realm}: status {(int)status}{hint}", unavailable: (int)status >= 500 || status == HttpStatusCode.TooManyRequests, status);
    }

    private static HttpRequestMessage TokenRequest(Uri realm, Challenge challenge, string scope, RegistryCredential? credential)
    {
        UriBuilder address = new(realm);
        string query = address.Query.TrimStart('?');
        query += (query.Length > 0 ? "&" : "") + "scope=" + Uri.EscapeDataString(scope);
        if (challenge.Service is { } service)
            query += "&service=" + Uri.EscapeDataString(service);
        if (credential is not null)
            query += "&account=" + Uri.EscapeDataString(credential.User);
        address.Query = query;
        HttpRequestMessage request = new(HttpMethod.Get, address.Uri);
        request.Headers.Authorization = credential is null ? null : BasicHeader(credential);
        return request;
    }

    private static HttpRequestMessage RefreshRequest(Uri realm, Challenge challenge, string scope, string identityToken) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(
        [
            new("grant_type", "refresh_token"),
            new("refresh_token", identityToken),
            new("client_id", "podagent"),
            new("service", challenge.Service ?? ""),
            new("scope", scope),
        ]),
    };
}
