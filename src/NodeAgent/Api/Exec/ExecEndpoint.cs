using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Exec;

/// <summary><c>…/pods/{name}/exec?command=…&amp;container=…&amp;stdin&amp;stdout&amp;stderr&amp;tty</c> over WebSocket, as kubectl since 1.29 speaks it.</summary>
internal sealed class ExecEndpoint(IPodRuntime runtime)
{
    private const string Version5 = "v5.channel.k8s.io";
    private const string Version4 = "v4.channel.k8s.io";

    public async Task ConnectAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        HttpRequest request = context.Request;
        string[] command = [.. request.Query["command"].Select(part => part ?? "")];
        if (command.Length == 0) throw ApiException.BadRequest("no command was given to run in the container");
        PodContainer container = PodContainer.Find(pod, request.Query["container"]);
        var id = new ContainerId(container.RunningId());
        // Last, so that a client that then falls back to SPDY still hears the other reasons.
        string protocol = Negotiate(context);
        var wanted = new ExecRequest(id, command, ListQuery.Flag(request, "tty"), ListQuery.Flag(request, "stdin"));
        using WebSocket socket = await UpgradeAsync(context, protocol).ConfigureAwait(false);
        IExecSession session;
        try
        {
            session = await runtime.ExecAsync(wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (PodRuntimeException error)
        {
            // From here on only the error channel reaches whoever waits for the command.
            await ExecConnection.RefuseAsync(socket, error.Message, cancellationToken).ConfigureAwait(false);
            return;
        }
        await using (session.ConfigureAwait(false))
        {
            using var connection = new ExecConnection(socket, session);
            await connection.RunAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static string Negotiate(HttpContext context)
    {
        IHttpUpgradeFeature? upgrade = context.Features.Get<IHttpUpgradeFeature>();
        if (upgrade?.IsUpgradableRequest != true || !string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase))
        {
            throw ApiException.BadRequest(
                $"exec needs an upgrade to WebSocket with {Version5}; SPDY is not spoken here (kubectl 1.29 and 1.30: set KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true)");
        }
        string[] offered = [.. context.Request.Headers.SecWebSocketProtocol.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries))];
        if (context.Request.Headers.SecWebSocketKey.Count == 0 || context.Request.Headers.SecWebSocketVersion != "13")
            throw ApiException.BadRequest("exec: the WebSocket handshake lacks its key, or is not of version 13");
        if (offered.Contains(Version5)) return Version5;
        if (offered.Contains(Version4)) return Version4;
        throw ApiException.BadRequest($"exec: none of the offered protocols is spoken here: {string.Join(", ", offered)} (spoken: {Version5}, {Version4})");
    }

    // RFC 6455 §4.2.2.
    private static async Task<WebSocket> UpgradeAsync(HttpContext context, string protocol)
    {
        string key = context.Request.Headers.SecWebSocketKey.ToString();
#pragma warning disable CA5350 // The handshake's SHA-1 proves only that the server speaks WebSocket.
        string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = accept;
        context.Response.Headers.SecWebSocketProtocol = protocol;
        Stream stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync().ConfigureAwait(false);
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, SubProtocol = protocol });
    }
}
