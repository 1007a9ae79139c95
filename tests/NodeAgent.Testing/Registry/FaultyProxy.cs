using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace NodeAgent.Testing.Registry;

/// <summary>
/// Stands between a client and a registry, notes what is asked and spoils the answers that a test wants spoiled. Also an http proxy in the sense of
/// <c>HTTP_PROXY</c>: whatever host a request names, it goes to the one registry.
/// </summary>
public sealed class FaultyProxy : IAsyncDisposable
{
    private static readonly HashSet<string> s_ownHeaders = new(StringComparer.OrdinalIgnoreCase) { "Transfer-Encoding", "Connection", "Keep-Alive", "Content-Length", "Content-Range" };
    private readonly WebApplication _application;
    private readonly Uri _registry;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });
    private readonly Lock _gate = new();
    private readonly List<ProxiedRequest> _requests = [];

    private FaultyProxy(WebApplication application, Uri registry)
    {
        _application = application;
        _registry = registry;
    }

    /// <summary>What to do to the answer; null passes it on as it is. Called once a request, before the registry is asked.</summary>
    public Func<ProxiedRequest, Fault?> Decide { get; set; } = _ => null;

    public Uri Url => new(_application.Urls.First());

    /// <summary>As image names begin.</summary>
    public string Host => Url.Authority;

    public IReadOnlyList<ProxiedRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    /// <param name="address">A loopback address.</param>
    public static async Task<FaultyProxy> StartAsync(Uri registry, string address = "127.0.0.1")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://{address}:0");
        WebApplication application = builder.Build();
        FaultyProxy proxy = new(application, registry);
        application.Run(proxy.AnswerAsync);
        await application.StartAsync();
        return proxy;
    }

    private ProxiedRequest Note(HttpRequest request)
    {
        string path = request.Path + request.QueryString.ToString();
        lock (_gate)
        {
            int attempt = 1 + _requests.Count(earlier => earlier.Method == request.Method && earlier.Path == path);
            ProxiedRequest noted = new(request.Method, path, Header(request, "Range"), Header(request, "Authorization"), attempt);
            _requests.Add(noted);
            return noted;
        }
    }

    private static string? Header(HttpRequest request, string name) => request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    private async Task AnswerAsync(HttpContext context)
    {
        ProxiedRequest request = Note(context.Request);
        Fault? fault = Decide(request);
        switch (fault)
        {
            case Fault.Drop:
                context.Abort();
                return;
            case Fault.Refuse refuse:
                context.Response.StatusCode = refuse.Status;
                if (refuse.RetryAfter is { } after)
                    context.Response.Headers.RetryAfter = after;
                return;
            case Fault.Redirect redirect:
                context.Response.StatusCode = (int)HttpStatusCode.TemporaryRedirect;
                context.Response.Headers.Location = new Uri(redirect.To, request.Path).ToString();
                return;
            case Fault.Replace replace:
                await context.Response.Body.WriteAsync(replace.Body);
                return;
            case Fault.Hold hold:
                await hold.Until.WaitAsync(context.RequestAborted);
                break;
        }
        await PassAsync(context, request, fault);
    }

    private async Task PassAsync(HttpContext context, ProxiedRequest request, Fault? fault)
    {
        using HttpRequestMessage message = new(new HttpMethod(request.Method), new Uri(_registry, request.Path));
        foreach ((string name, var values) in context.Request.Headers)
        {
            bool range = string.Equals(name, "Range", StringComparison.OrdinalIgnoreCase);
            if (!string.Equals(name, "Host", StringComparison.OrdinalIgnoreCase) && !(range && fault is Fault.IgnoreRange))
                message.Headers.TryAddWithoutValidation(name, values.ToArray());
        }
        try
        {
            using HttpResponseMessage answer = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            Copy(answer.Headers, context.Response);
            Copy(answer.Content.Headers, context.Response);
            context.Response.ContentLength = answer.Content.Headers.ContentLength;
            if (answer.Content.Headers.ContentRange is { } part)
                context.Response.Headers.ContentRange = part.ToString();
            if (request.Method != HttpMethod.Head.Method)
                await CopyBodyAsync(await answer.Content.ReadAsStreamAsync(context.RequestAborted), context, fault);
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or HttpRequestException)
        {
            context.Abort();
        }
    }

    private static void Copy(HttpHeaders from, HttpResponse to)
    {
        foreach ((string name, IEnumerable<string> values) in from)
        {
            if (!s_ownHeaders.Contains(name))
                to.Headers[name] = values.ToArray();
        }
    }

    private static async Task CopyBodyAsync(Stream body, HttpContext context, Fault? fault)
    {
        long length = context.Response.ContentLength ?? long.MaxValue;
        long end = fault is Fault.Cut cut ? (long)(length * cut.Part) : length;
        long wrong = fault is Fault.Lie ? length / 2 : -1;
        byte[] buffer = new byte[fault is Fault.Slow slow ? (int)Math.Clamp(slow.BytesPerSecond / 50, 1, 64 * 1024) : 64 * 1024];
        long at = 0;
        while (at < end && await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - at)), context.RequestAborted) is var read and > 0)
        {
            if (wrong >= at && wrong < at + read)
                buffer[wrong - at] ^= 1;
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            at += read;
            if (fault is Fault.Slow speed)
                await Task.Delay(TimeSpan.FromSeconds((double)read / speed.BytesPerSecond), context.RequestAborted);
        }
        // A body shorter than its head says ends the connection.
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
        _client.Dispose();
    }
}
