using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using NodeAgent.Core.Model;

namespace NodeAgent.Cli.Client;

/// <summary>HTTP over the agent's unix socket.</summary>
internal sealed class AgentClient : IDisposable
{
    public const string TableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    private readonly string _socket;
    private readonly PodctlIo _io;

    public AgentClient(string socket, PodctlIo io)
    {
        _socket = socket;
        _io = io;
        Http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false, UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri("http://podagent"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public HttpClient Http { get; }

    /// <summary>A document of the API, parsed.</summary>
    /// <param name="what">For the error: what was tried.</param>
    public async Task<JsonElement> GetAsync(string path, string what, CancellationToken cancellationToken, string accept = "application/json")
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, path, what, cancellationToken, accept).ConfigureAwait(false);
        await WarnAsync(response).ConfigureAwait(false);
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(body, default, cancellationToken).ConfigureAwait(false);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new PodctlException($"{what}: what answers at {_socket} is no agent: {error.Message}", ExitCode.Failed, error);
        }
    }

    /// <summary>The answer's head; its body is still to be read.</summary>
    /// <exception cref="PodctlException">The agent can't be reached, or refuses: its Status message.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string what, CancellationToken cancellationToken, string accept = "application/json", HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        HttpResponseMessage response;
        try
        {
            response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException error)
        {
            throw Unreachable(error, what);
        }
        if (response.IsSuccessStatusCode) return response;
        using (response) throw await RefusedAsync(response, what, cancellationToken).ConfigureAwait(false);
    }

    public PodctlException Unreachable(HttpRequestException error, string what)
    {
        SocketError? code = (error.InnerException as SocketException)?.SocketErrorCode;
        string why = code switch
        {
            SocketError.AccessDenied => "permission denied; run podctl as root",
            SocketError.ConnectionRefused => "nobody listens; start the agent with \"systemctl start podagent\"",
            _ when !File.Exists(_socket) => "no such socket; start the agent with \"systemctl start podagent\", or name its socket with --socket",
            _ => (error.InnerException ?? error).Message,
        };
        return new PodctlException($"{what}: can't reach the agent at {_socket}: {why}", ExitCode.Failed, error);
    }

    public static async Task<PodctlException> RefusedAsync(HttpResponseMessage response, string what, CancellationToken cancellationToken)
    {
        string text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        string why = text;
        if (response.Content.Headers.ContentType?.MediaType == "application/json")
            why = JsonSerializer.Deserialize(text, KubernetesJson.Wire.Status)?.Message ?? text;
        int code = response.StatusCode == HttpStatusCode.NotFound ? ExitCode.NotFound : ExitCode.Failed;
        return new PodctlException($"{what}: {why.Trim()}", code);
    }

    /// <summary>Shows the warnings that came with an answer, as kubectl does.</summary>
    private async Task WarnAsync(HttpResponseMessage response)
    {
        foreach (WarningHeaderValue warning in response.Headers.Warning)
            await _io.Error.WriteLineAsync("Warning: " + Unquote(warning.Text)).ConfigureAwait(false);
    }

    private static string Unquote(string quoted) =>
        quoted.Trim('"').Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => Http.Dispose();
}
