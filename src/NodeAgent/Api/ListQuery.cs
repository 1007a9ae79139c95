using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace NodeAgent.Api;

/// <summary>
/// The parameters of a list or a watch (meta/v1 ListOptions). <c>limit</c> is accepted and the whole list given, as the API allows a server that has no
/// reason to page; <c>continue</c> is refused, since no such token is ever handed out.
/// </summary>
/// <param name="ResourceVersion">Null for none, 0 for "any".</param>
internal sealed record ListQuery(
    bool Watch,
    long? ResourceVersion,
    string? LabelSelector,
    string? FieldSelector,
    TimeSpan? Timeout,
    bool Bookmarks,
    bool SendInitialEvents)
{
    public static ListQuery Of(HttpRequest request)
    {
        Number(request, "limit");
        if (request.Query.ContainsKey("continue") && request.Query["continue"].ToString().Length > 0)
            throw ApiException.Expired("the provided continue parameter is not of this server: list again without it");
        return new ListQuery(
            Flag(request, "watch"),
            Number(request, "resourceVersion"),
            request.Query["labelSelector"],
            request.Query["fieldSelector"],
            Number(request, "timeoutSeconds") is { } seconds and > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue / 1000)) : null,
            Flag(request, "allowWatchBookmarks"),
            Flag(request, "sendInitialEvents"));
    }

    public static bool Flag(HttpRequest request, string name) => request.Query[name].ToString() switch
    {
        "" => request.Query.ContainsKey(name),
        "1" or "true" or "True" => true,
        "0" or "false" or "False" => false,
        string other => throw ApiException.BadRequest($"{name} \"{other}\": expected true or false"),
    };

    public static long? Number(HttpRequest request, string name)
    {
        string text = request.Query[name].ToString();
        if (text.Length == 0) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw ApiException.BadRequest($"{name} \"{text}\": expected a number that is not negative");
    }
}
