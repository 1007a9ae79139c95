using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Api;

/// <summary>
/// <c>DELETE …/pods/{name}</c> with meta/v1 DeleteOptions, in the body or, where there is none, in the query. Answers with the pod, whose deletionTimestamp tells
/// by when it is over. What the options say of dependents has no meaning for a pod on its node.
/// </summary>
internal static class PodDeleteEndpoint
{
    private const int LongestBody = 64 * 1024;

    public static async Task DeleteAsync(HttpContext context, Pod pod, PodDeleting delete, CancellationToken cancellationToken)
    {
        Options options = await ReadAsync(context.Request, cancellationToken).ConfigureAwait(false);
        ObjectMeta metadata = pod.Metadata!;
        Require("uid", options.Uid, metadata.Uid, metadata);
        Require("resourceVersion", options.ResourceVersion, metadata.ResourceVersion, metadata);
        PodDeletion deletion = await delete(new PodUid(metadata.Uid!), options.Grace, options.DryRun, cancellationToken).ConfigureAwait(false)
            ?? throw ApiException.NotFound("pods", metadata.Name!);
        Pod deleted = pod with
        {
            Metadata = metadata with
            {
                DeletionTimestamp = deletion.Deadline,
                DeletionGracePeriodSeconds = (long)Math.Ceiling(deletion.Grace.TotalSeconds),
            },
        };
        await Answer.JsonAsync(context, deleted, KubernetesJson.Wire.Pod, cancellationToken).ConfigureAwait(false);
    }

    private static void Require(string what, string? wanted, string? actual, ObjectMeta metadata)
    {
        if (wanted is null || wanted == actual) return;
        throw new ApiException(409, StatusReason.Conflict,
            $"Operation cannot be fulfilled on pods \"{metadata.Name}\": the {what} in the precondition ({wanted}) is not that of the pod ({actual})");
    }

    private static async Task<Options> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        byte[] body = await BodyAsync(request, cancellationToken).ConfigureAwait(false);
        var query = new Options(
            GraceOf(ListQuery.Number(request, "gracePeriodSeconds")), null, null, DryRunOf([.. request.Query["dryRun"].Select(value => value ?? "")]));
        if (body.Length == 0) return query;
        string type = (request.ContentType ?? "application/json").Split(';')[0].Trim();
        if (type != "application/json")
            throw new ApiException(415, StatusReason.UnsupportedMediaType, $"DeleteOptions as {type}: only application/json is read here");
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            Options told = Of(document.RootElement);
            return told with { Grace = told.Grace ?? query.Grace, DryRun = told.DryRun || query.DryRun };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw ApiException.BadRequest("the body is no DeleteOptions: " + error.Message);
        }
    }

    private static Options Of(JsonElement options)
    {
        if (Field(options, "kind") is { } kind && kind.GetString() != "DeleteOptions")
            throw ApiException.BadRequest($"the body is a {kind.GetString()}, no DeleteOptions");
        JsonElement? preconditions = Field(options, "preconditions");
        return new Options(
            GraceOf(Field(options, "gracePeriodSeconds")?.GetInt64()),
            preconditions is { } of ? Field(of, "uid")?.GetString() : null,
            preconditions is { } or ? Field(or, "resourceVersion")?.GetString() : null,
            Field(options, "dryRun") is { } dryRun && DryRunOf([.. dryRun.EnumerateArray().Select(value => value.GetString() ?? "")]));
    }

    private static JsonElement? Field(JsonElement holder, string name) =>
        holder.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static TimeSpan? GraceOf(long? seconds) => seconds switch
    {
        null => null,
        // A century: what is longer would not fit into a time stamp.
        >= 0 and <= 3_155_760_000 => TimeSpan.FromSeconds(seconds.Value),
        _ => throw ApiException.BadRequest($"gracePeriodSeconds {seconds}: expected a number of seconds that is not negative"),
    };

    private static bool DryRunOf(IReadOnlyList<string> values)
    {
        if (values.Any(value => value != "All")) throw ApiException.BadRequest($"dryRun [{string.Join(' ', values)}]: expected All");
        return values.Count > 0;
    }

    private static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[4096];
        while (await request.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var read and > 0)
        {
            content.Write(buffer, 0, read);
            if (content.Length > LongestBody) throw ApiException.BadRequest($"DeleteOptions are longer than {LongestBody} bytes");
        }
        return content.ToArray();
    }

    private sealed record Options(TimeSpan? Grace, string? Uid, string? ResourceVersion, bool DryRun);
}
