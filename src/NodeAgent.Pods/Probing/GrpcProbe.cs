using System.Net;
using System.Net.Http.Headers;
using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;

namespace NodeAgent.Pods.Probing;

/// <summary>
/// <c>grpc.health.v1.Health/Check</c> over HTTP/2 without encryption. Anything but SERVING is a failure.
/// Source: grpc/grpc doc/PROTOCOL-HTTP2.md.
/// </summary>
internal static class GrpcProbe
{
    private const int Unimplemented = 12;

    public static async Task<ProbeOutcome> RunAsync(GrpcAction action, PodAddress pod, CancellationToken cancellationToken)
    {
        int port = action.Port ?? 0;
        string service = action.Service ?? "";
        string server = $"{(pod.Name.Contains(':', StringComparison.Ordinal) ? $"[{pod.Name}]" : pod.Name)}:{port}";
        using SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = (_, cancellation) => pod.ConnectAsync(null, port, cancellation),
        };
        using HttpMessageInvoker client = new(handler);
        try
        {
            using HttpRequestMessage request = new(HttpMethod.Post, $"http://{server}{GrpcHealth.Path}")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(GrpcHealth.Request(service)) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
            };
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            request.Headers.TryAddWithoutValidation("User-Agent", HttpProbe.UserAgent);
            using HttpResponseMessage response = await client.SendAsync(request, cancellationToken);
            byte[] body = await ReadAsync(response.Content, cancellationToken);
            return Judge(response, body, server, service);
        }
        catch (HttpRequestException e)
        {
            return ProbeOutcome.Failure($"health rpc probe failed: {server}: {(e.InnerException as IOException)?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return ProbeOutcome.Failure($"health rpc probe failed: {server}: {e.Message}");
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"health rpc probe of {server}", e, cancellationToken);
        }
    }

    private static ProbeOutcome Judge(HttpResponseMessage response, byte[] body, string server, string service)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            return ProbeOutcome.Failure($"health rpc probe failed: {server} answers with statuscode {(int)response.StatusCode}");
        // An answer without a body has its trailers in the header.
        string? status = Trailer(response, "grpc-status");
        if (status == $"{Unimplemented}")
            return ProbeOutcome.Failure($"this server does not implement the grpc health protocol (grpc.health.v1.Health): {Trailer(response, "grpc-message")}");
        if (status != "0")
            return ProbeOutcome.Failure($"health rpc probe failed: {server}: grpc status {status ?? "missing"}: {Trailer(response, "grpc-message")}");
        string health = GrpcHealth.Status(body);
        return health == GrpcHealth.Serving
            ? ProbeOutcome.Success
            : ProbeOutcome.Failure($"service unhealthy (responded with \"{health}\"{(service.Length > 0 ? $" for {service}" : "")})");
    }

    private static string? Trailer(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) || response.Headers.TryGetValues(name, out values)
            ? values.FirstOrDefault()
            : null;

    /// <summary>The trailers come behind it, so it is read to its end.</summary>
    private static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await content.LoadIntoBufferAsync(HttpAnswer.BodyLimit, cancellationToken);
        return await content.ReadAsByteArrayAsync(cancellationToken);
    }
}
