namespace NodeAgent.Core.Model;

/// <summary>The answer of an API call that does not return an object: an error, or a deletion's receipt (meta/v1 Status).</summary>
public sealed record Status
{
    public string Kind { get; init; } = "Status";
    public string ApiVersion { get; init; } = "v1";
    public ListMeta Metadata { get; init; } = new();

    /// <summary><c>Success</c> or <c>Failure</c>. Spelled out because a member cannot carry its type's name.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("status")]
    public string? Outcome { get; init; }

    public string? Message { get; init; }

    /// <summary>One of <see cref="StatusReason"/>.</summary>
    public string? Reason { get; init; }

    public StatusDetails? Details { get; init; }

    /// <summary>The HTTP code that goes with it; 0 if none.</summary>
    public int? Code { get; init; }
}

public sealed record StatusDetails
{
    public string? Name { get; init; }
    public string? Group { get; init; }
    public string? Kind { get; init; }
    public string? Uid { get; init; }
    public IReadOnlyList<StatusCause>? Causes { get; init; }
    public int? RetryAfterSeconds { get; init; }
}

public sealed record StatusCause
{
    public string? Reason { get; init; }
    public string? Message { get; init; }

    /// <summary>The field path the cause is about, e.g. <c>spec.containers[0].image</c>.</summary>
    public string? Field { get; init; }
}

public static class StatusReason
{
    public const string Unauthorized = "Unauthorized";
    public const string Forbidden = "Forbidden";
    public const string NotFound = "NotFound";
    public const string AlreadyExists = "AlreadyExists";
    public const string Conflict = "Conflict";
    public const string Gone = "Gone";
    public const string Expired = "Expired";
    public const string Invalid = "Invalid";
    public const string BadRequest = "BadRequest";
    public const string MethodNotAllowed = "MethodNotAllowed";
    public const string NotAcceptable = "NotAcceptable";
    public const string UnsupportedMediaType = "UnsupportedMediaType";
    public const string RequestEntityTooLarge = "RequestEntityTooLarge";
    public const string Timeout = "Timeout";
    public const string TooManyRequests = "TooManyRequests";
    public const string InternalError = "InternalError";
    public const string ServiceUnavailable = "ServiceUnavailable";
}
