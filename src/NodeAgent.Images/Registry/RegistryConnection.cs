using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using NodeAgent.Core.Registries;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Registry;

/// <summary>
/// One endpoint and the requests to it: authorization, redirects, waiting when it asks for it. Thread-safe.
/// <code>
///   request --401--> token or password --> the same request again, once
///           --3xx--> there; credentials and client certificate only to the same scheme, host and port
///           --429, 5xx, cut connection--> again after Retry-After or a growing pause, when <c>patient</c>
///           --else--> <see cref="RegistryException"/>
/// </code>
/// Source: OCI distribution-spec 1.1.
/// </summary>
internal sealed class RegistryConnection : IDisposable
{
    private const int MostAttempts = 5;
    private const int MostRedirects = 10;
    private const int MostErrorText = 64 * 1024;
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan HeaderLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Uri _url;
    private readonly string _credentialHost;
    private readonly Credentials _credentials;
    private readonly TimeProvider _time;
    private readonly HttpClient _own;
    private readonly HttpClient _elsewhere;
    private readonly ConcurrentDictionary<string, TokenSource> _tokens = new(StringComparer.Ordinal);

    /// <param name="endpoint">Its URL is known.</param>
    /// <param name="itself">The host in the names of its images, which its credentials stand under; null for a mirror, whose own host that is.</param>
    public RegistryConnection(RegistryEndpoint endpoint, string? itself, Credentials credentials, TimeProvider time)
    {
        _url = endpoint.Url!;
        _credentialHost = itself ?? _url.Authority;
        IsMirror = itself is null;
        _credentials = credentials;
        _time = time;
        _own = NewClient(endpoint, showClient: true);
        _elsewhere = NewClient(endpoint, showClient: false);
    }

    private HttpClient NewClient(RegistryEndpoint endpoint, bool showClient)
    {
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            // Nobody's proxy leads back to this machine.
            UseProxy = !_url.IsLoopback,
            ConnectTimeout = ConnectLimit,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            SslOptions = RegistryTls.OptionsFor(endpoint, showClient),
        };
        HttpClient client = new(handler) { BaseAddress = _url, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("podagent");
        return client;
    }

    public bool IsMirror { get; }

    /// <summary>For people.</summary>
    public override string ToString() => _url.GetLeftPart(UriPartial.Authority) + _url.AbsolutePath.TrimEnd('/');

    /// <summary>An answer that says yes, its headers read. The caller disposes it. Throws <see cref="RegistryException"/>.</summary>
    /// <param name="repository">Of the image, without its host.</param>
    /// <param name="what"><c>manifests/TAG</c>, <c>blobs/DIGEST</c>.</param>
    /// <param name="query">With its question mark, or empty.</param>
    /// <param name="shape">Adds headers to each request.</param>
    /// <param name="patient">There is nobody else to ask: wait when the endpoint is busy.</param>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string repository, string what, string query, Action<HttpRequestMessage>? shape, bool patient, CancellationToken cancellationToken)
    {
        Uri address = new(_url, $"/v2{_url.AbsolutePath.TrimEnd('/')}/{repository}/{what}{query}");
        TokenSource tokens = _tokens.GetOrAdd(repository, path => new TokenSource(
            _url, ClientFor, cancellation => _credentials.FindAsync(_credentialHost, path, cancellation), path, _time));
        TimeSpan pause = FirstPause;
        for (int attempt = 1; ; attempt++, pause *= 2)
        {
            bool last = !patient || attempt == MostAttempts;
            TimeSpan wait = pause;
            try
            {
                HttpResponseMessage response = await AuthorizedAsync(method, address, tokens, shape, cancellationToken);
                if (response.IsSuccessStatusCode)
                    return response;
                using (response)
                {
                    wait = RetryAfter(response) ?? pause;
                    if (last || !IsBusy(response.StatusCode) || wait > LongestPause)
                        throw await RefusedAsync(address, response, cancellationToken);
                }
            }
            catch (HttpRequestException e)
            {
                if (last || !MayPass(e))
                    throw new RegistryException($"{Short(address)}: {RegistryTls.Describe(e)}", unavailable: true, inner: e);
            }
            await Task.Delay(wait, _time, cancellationToken);
        }
    }

    private static bool IsBusy(HttpStatusCode status) => status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError;

    /// <summary>A connection that was cut may be better the next time; a host that is not there or not trusted is not asked again and again.</summary>
    private static bool MayPass(HttpRequestException e) => e.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse or HttpRequestError.Unknown;

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > _time.GetUtcNow() => date - _time.GetUtcNow(),
        _ => null,
    };

    private async Task<HttpResponseMessage> AuthorizedAsync(
        HttpMethod method, Uri address, TokenSource tokens, Action<HttpRequestMessage>? shape, CancellationToken cancellationToken)
    {
        AuthenticationHeaderValue? authorization = await tokens.CurrentAsync(cancellationToken);
        HttpResponseMessage response = await FollowAsync(method, address, authorization, shape, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Unauthorized || Challenge.Choose(response.Headers.WwwAuthenticate) is not { } challenge)
            return response;
        using (response)
        {
            AuthenticationHeaderValue? renewed = await tokens.RenewAsync(challenge, authorization, cancellationToken);
            if (renewed is null)
                throw await RefusedAsync(address, response, cancellationToken, authorization is null ? "; there are no credentials for it in auth.json" : "; its credentials were refused");
            authorization = renewed;
        }
        return await FollowAsync(method, address, authorization, shape, cancellationToken);
    }

    private async Task<HttpResponseMessage> FollowAsync(
        HttpMethod method, Uri address, AuthenticationHeaderValue? authorization, Action<HttpRequestMessage>? shape, CancellationToken cancellationToken)
    {
        for (int redirects = 0; ; redirects++)
        {
            bool here = SameOrigin(address, _url);
            using HttpRequestMessage request = new(method, address);
            shape?.Invoke(request);
            request.Headers.Authorization = here ? authorization : null;
            HttpResponseMessage response = await OnceAsync(ClientFor(address), request, cancellationToken);
            bool redirected = response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;
            if (!redirected || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            Uri next = new(address, location);
            if (redirects == MostRedirects || next.Scheme is not ("http" or "https"))
                throw new RegistryException($"{Short(address)}: redirected {redirects + 1} times, at last to {Short(next)}", unavailable: false);
            address = next;
        }
    }

    private HttpClient ClientFor(Uri address) => SameOrigin(address, _url) ? _own : _elsewhere;

    private static bool SameOrigin(Uri a, Uri b) => a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port;

    private async Task<HttpResponseMessage> OnceAsync(HttpClient client, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = new(HeaderLimit, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            // A connect that takes too long ends like this as well.
            throw new HttpRequestException(HttpRequestError.ConnectionError, deadline.IsCancellationRequested ? $"no answer within {HeaderLimit.TotalSeconds} s" : "no connection in time", e);
        }
    }

    private static async Task<RegistryException> RefusedAsync(Uri address, HttpResponseMessage response, CancellationToken cancellationToken, string hint = "")
    {
        string said = await ErrorTextAsync(response, cancellationToken);
        bool busy = IsBusy(response.StatusCode);
        return new RegistryException(
            $"{Short(address)}: status {(int)response.StatusCode}{(said.Length > 0 ? ": " + said : "")}{hint}", busy, response.StatusCode);
    }

    /// <summary>What the registry says of its refusal, in its own words and in one line; empty when it does not say.</summary>
    private static async Task<string> ErrorTextAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            byte[] body = await BoundedBody.ReadAsync(response, MostErrorText, cancellationToken);
            IReadOnlyList<RegistryError> errors = JsonSerializer.Deserialize(body, RegistryJson.Default.RegistryErrors)?.Errors ?? [];
            string text = string.Join("; ", errors.Select(error => $"{error.Code}: {error.Message}".Trim(' ', ':')));
            text = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
            return text.Length > 300 ? text[..300] + "…" : text;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or HttpRequestException or IOException)
        {
            return "";
        }
    }

    private static string Short(Uri address) => address.GetLeftPart(UriPartial.Path);

    public void Dispose()
    {
        _own.Dispose();
        _elsewhere.Dispose();
    }
}
