using System.Text;
using System.Text.Json.Nodes;

namespace NodeAgent.KernelTests.Registry;

/// <summary><c>auth.json</c> as <c>docker login</c> writes it.</summary>
internal static class AuthFile
{
    public static string Basic(string user, string password) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));

    public static string Of(params (string Key, string User, string Password)[] logins)
    {
        JsonObject auths = [];
        foreach ((string key, string user, string password) in logins)
            auths[key] = new JsonObject { ["auth"] = Basic(user, password) };
        return new JsonObject { ["auths"] = auths }.ToJsonString();
    }

    public static string OfIdentityToken(string key, string token) => new JsonObject
    {
        ["auths"] = new JsonObject { [key] = new JsonObject { ["auth"] = Basic("<token>", ""), ["identitytoken"] = token } },
    }.ToJsonString();

    public static string OfHelper(string host, string helper) => new JsonObject { ["credHelpers"] = new JsonObject { [host] = helper } }.ToJsonString();
}
