using System.Text.Json;
using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;

namespace NodeAgent.Api;

/// <summary>
/// A change of the node through the API: <c>spec.unschedulable</c>, and among <c>spec.taints</c> the one that drains. As a JSON merge patch (RFC 7396) or as a
/// strategic merge patch, which are the same for these two.
///
/// | unschedulable | taints        | the node is then |
/// | true          | (not named)   | Cordoned; one that is Drained stays so |
/// | true          | []            | Cordoned |
/// | true or not named | the drain | Drained |
/// | false, null   | not the drain | Open |
/// </summary>
internal static class NodePatch
{
    private const int LongestBody = 64 * 1024;

    /// <exception cref="ApiException">415, 400 or 422: what is wrong with the patch.</exception>
    public static async Task<NodeScheduling> ReadAsync(HttpRequest request, NodeScheduling current, CancellationToken cancellationToken)
    {
        string type = (request.ContentType ?? "").Split(';')[0].Trim();
        if (type is not ("application/merge-patch+json" or "application/strategic-merge-patch+json"))
            throw new ApiException(415, "UnsupportedMediaType", $"a patch of type {type}: expected application/merge-patch+json or application/strategic-merge-patch+json");
        if (request.ContentLength > LongestBody)
            throw ApiException.BadRequest($"the patch is longer than {LongestBody} bytes");
        try
        {
            using JsonDocument patch = await JsonDocument.ParseAsync(request.Body, cancellationToken: cancellationToken).ConfigureAwait(false);
            return Apply(current, patch.RootElement);
        }
        catch (JsonException error)
        {
            throw ApiException.BadRequest("the patch is no JSON: " + error.Message);
        }
    }

    public static NodeScheduling Apply(NodeScheduling current, JsonElement patch)
    {
        bool? unschedulable = null, drain = null;
        foreach (JsonProperty field in Object(patch, "the patch").EnumerateObject())
        {
            if (field.Name != "spec")
                throw Invalid(field.Name, "only spec.unschedulable and spec.taints of a node can be changed");
            foreach (JsonProperty of in Object(field.Value, "spec").EnumerateObject())
            {
                switch (of.Name)
                {
                    case "unschedulable":
                        unschedulable = of.Value.ValueKind switch
                        {
                            JsonValueKind.True => true,
                            JsonValueKind.False or JsonValueKind.Null => false,
                            _ => throw Invalid("spec.unschedulable", "expected true, false or null"),
                        };
                        break;
                    case "taints":
                        drain = Drains(of.Value);
                        break;
                    default:
                        throw Invalid("spec." + of.Name, "only spec.unschedulable and spec.taints of a node can be changed");
                }
            }
        }

        if (drain == true)
            return unschedulable != false ? NodeScheduling.Drained : throw Invalid("spec.unschedulable", "a drained node cannot be schedulable");
        return unschedulable switch
        {
            false => NodeScheduling.Open,
            true => drain is null && current == NodeScheduling.Drained ? NodeScheduling.Drained : NodeScheduling.Cordoned,
            null => drain == false && current == NodeScheduling.Drained ? NodeScheduling.Cordoned : current,
        };
    }

    private static bool Drains(JsonElement taints)
    {
        if (taints.ValueKind == JsonValueKind.Null)
            return false;
        if (taints.ValueKind != JsonValueKind.Array)
            throw Invalid("spec.taints", "expected a list");
        bool drains = false;
        foreach (JsonElement taint in taints.EnumerateArray())
        {
            string? key = Text(taint, "key"), effect = Text(taint, "effect");
            if (key == NodeSpecs.DrainTaint && effect == "NoExecute")
                drains = true;
            else if (key != NodeSpecs.UnschedulableTaint)
                throw Invalid("spec.taints", $"a node here has no taints but {NodeSpecs.DrainTaint}:NoExecute, not {key}:{effect}");
        }

        return drains;
    }

    private static string? Text(JsonElement taint, string field) =>
        Object(taint, "spec.taints[]").TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement Object(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object ? value : throw Invalid(name, "expected an object");

    private static ApiException Invalid(string field, string why) => new(422, StatusReason.Invalid, $"{field}: {why}");
}
