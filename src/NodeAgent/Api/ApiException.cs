using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>A request that is answered with a meta/v1 Status. The message is for people and names the object.</summary>
internal sealed class ApiException(int code, string reason, string message, StatusDetails? details = null) : Exception(message)
{
    public Status ToStatus() => new()
    {
        Outcome = "Failure",
        Message = Message,
        Reason = reason,
        Details = details,
        Code = code,
    };

    /// <summary>HTTP code.</summary>
    public int Code => code;

    public static ApiException NotFound(string resource, string name) =>
        new(404, StatusReason.NotFound, $"{resource} \"{name}\" not found", new StatusDetails { Name = name, Kind = resource });

    public static ApiException NoSuchPath(string path) =>
        new(404, StatusReason.NotFound, $"the server could not find the requested resource: {path}");

    public static ApiException BadRequest(string message) => new(400, StatusReason.BadRequest, message);

    public static ApiException MethodNotAllowed(string message) => new(405, StatusReason.MethodNotAllowed, message);

    public static ApiException Expired(string message) => new(410, StatusReason.Expired, message);
}
