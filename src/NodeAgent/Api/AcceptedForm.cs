using Microsoft.AspNetCore.Http;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>How much of the object a table row carries: the <c>includeObject</c> parameter.</summary>
internal enum IncludeObject
{
    Metadata,
    None,
    Object,
}

/// <summary>
/// The form of an answer that a client asks for in <c>Accept</c>: plain objects, or a Table (<c>application/json;as=Table;v=v1;g=meta.k8s.io</c>).
/// Clients that prefer protobuf list JSON behind it, which is what they get.
/// </summary>
internal readonly record struct AcceptedForm(bool Table, IncludeObject Include)
{
    /// <exception cref="ApiException">406 when nothing in the list can be had here.</exception>
    public static AcceptedForm Of(HttpRequest request)
    {
        IncludeObject include = request.Query["includeObject"].ToString() switch
        {
            "" or "Metadata" => IncludeObject.Metadata,
            "None" => IncludeObject.None,
            "Object" => IncludeObject.Object,
            string other => throw ApiException.BadRequest($"includeObject \"{other}\": expected None, Metadata or Object"),
        };
        string accept = request.Headers.Accept.ToString();
        if (accept.Length == 0) return new AcceptedForm(false, include);
        foreach (string choice in accept.Split(','))
        {
            string[] parts = choice.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "application/*" or "*/*")) continue;
            string? asKind = Parameter(parts, "as");
            if (asKind is null) return new AcceptedForm(false, include);
            if (asKind == "Table" && Parameter(parts, "g") == "meta.k8s.io" && Parameter(parts, "v") == "v1") return new AcceptedForm(true, include);
        }
        throw new ApiException(406, StatusReason.NotAcceptable, $"only application/json can be had here, also as=Table;v=v1;g=meta.k8s.io; asked for: {accept}");
    }

    private static string? Parameter(string[] parts, string name) =>
        parts.Skip(1).Where(part => part.StartsWith(name + "=", StringComparison.Ordinal)).Select(part => part[(name.Length + 1)..]).FirstOrDefault();
}
