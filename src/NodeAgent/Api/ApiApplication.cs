using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>Runs each request through the router and turns what went wrong into a meta/v1 Status.</summary>
internal sealed partial class ApiApplication(ApiRouter router, ILoggerFactory logging, Action served, CancellationToken stopping) : IHttpApplication<HttpContext>
{
    private readonly ILogger _log = logging.CreateLogger("NodeAgent.Api");

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception) => served();

    public async Task ProcessRequestAsync(HttpContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await router.RouteAsync(context, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The client has gone, or the agent stops: an open watch or log just ends.
        }
        catch (Exception error)
        {
            ApiException answer = Explain(error);
            // An answer that has begun can only be cut off: the log alone tells why.
            if (answer.Code == 500 || context.Response.HasStarted) LogFailed(context.Request.Method, context.Request.Path, error);
            if (context.Response.HasStarted) context.Abort();
            else await Answer.StatusAsync(context, answer.ToStatus(), CancellationToken.None).ConfigureAwait(false);
        }
    }

    internal static ApiException Explain(Exception error) => error switch
    {
        ApiException known => known,
        BadHttpRequestException bad => new ApiException(bad.StatusCode, StatusReason.BadRequest, bad.Message),
        ResourceVersionExpiredException expired => ApiException.Expired(expired.Message),
        PodDeletionRefusedException refused => new ApiException(409, StatusReason.Conflict, refused.Message),
        PodRuntimeException { Failure: RuntimeFailure.NotFound } missing => new ApiException(404, StatusReason.NotFound, missing.Message),
        PodRuntimeException { Failure: RuntimeFailure.CopyFailed } copy => new ApiException(422, StatusReason.Invalid, copy.Message),
        PodRuntimeException { Failure: RuntimeFailure.NotRunning } idle => new ApiException(409, StatusReason.Conflict, idle.Message),
        ImageException { Failure: ImageFailure.InvalidImageName } name => ApiException.BadRequest(name.Message),
        ImageException { Failure: ImageFailure.RegistryUnavailable } registry => new ApiException(503, StatusReason.ServiceUnavailable, registry.Message),
        ImageRefusedException refused => Explain(refused),
        ImageException image => new ApiException(422, StatusReason.Invalid, image.Message),
        _ => new ApiException(500, StatusReason.InternalError, error.Message),
    };

    private static ApiException Explain(ImageRefusedException error) => error.Refusal switch
    {
        ImageRefusal.NotFound => new ApiException(404, StatusReason.NotFound, error.Message),
        ImageRefusal.InUse => new ApiException(409, StatusReason.Conflict, error.Message),
        ImageRefusal.Damaged => new ApiException(422, StatusReason.Invalid, error.Message),
        _ => ApiException.BadRequest(error.Message),
    };

    [LoggerMessage(EventId = 4001, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogFailed(string method, string path, Exception error);
}
