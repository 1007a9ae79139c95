using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Images.Registry;

/// <summary><c>auth.json</c> in docker's format, as <c>docker login</c> and <c>podman login</c> write it.</summary>
internal sealed record CredentialFile
{
    public Dictionary<string, CredentialEntry>? Auths { get; init; }

    /// <summary>Registry host to the suffix of <c>docker-credential-…</c>.</summary>
    public Dictionary<string, string>? CredHelpers { get; init; }

    /// <summary>The helper for every host that has none of its own.</summary>
    public string? CredsStore { get; init; }

    public static CredentialFile Empty { get; } = new();

    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static CredentialFile Parse(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RegistryJson.Default.CredentialFile) ?? Empty;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"line {e.LineNumber + 1}: {e.Path}: it is not docker's format of credentials; docker login or podman login --authfile writes it", e);
        }
    }

    /// <summary>The keys under which credentials for a repository may stand, most exact first: the repository, its folders, the host.</summary>
    public static IEnumerable<string> KeysOf(string host, string path)
    {
        for (string key = $"{host}/{path}"; ; key = key[..key.LastIndexOf('/')])
        {
            yield return key;
            if (key.Length == host.Length)
                break;
        }
        if (host == References.ImageReference.DefaultDomain)
        {
            yield return "index.docker.io";
            yield return "registry-1.docker.io";
        }
    }

    /// <summary>Keys as they are looked up: without scheme, and without the <c>/v1/</c> or <c>/v2/</c> that old logins wrote behind the host.</summary>
    public static string Normalise(string key)
    {
        int scheme = key.IndexOf("://", StringComparison.Ordinal);
        string rest = (scheme < 0 ? key : key[(scheme + 3)..]).TrimEnd('/');
        return rest.EndsWith("/v1", StringComparison.Ordinal) || rest.EndsWith("/v2", StringComparison.Ordinal) ? rest[..^3] : rest;
    }

    /// <summary>Throws <see cref="InvalidDataException"/> for an entry that cannot be read. Null when the file holds nothing for the repository.</summary>
    public RegistryCredential? Find(string host, string path)
    {
        foreach (string key in KeysOf(host, path))
        {
            foreach ((string written, CredentialEntry entry) in Auths ?? [])
            {
                if (Normalise(written) == key && entry.ToCredential(written) is { } credential)
                    return credential;
            }
        }
        return null;
    }

    /// <summary>The helper to ask for a repository, with the server name to ask it for; null when none is named.</summary>
    public (string Helper, string Server)? HelperFor(string host, string path)
    {
        foreach (string key in KeysOf(host, path))
        {
            foreach ((string written, string helper) in CredHelpers ?? [])
            {
                if (Normalise(written) == key && helper.Length > 0)
                    return (helper, written);
            }
        }
        return string.IsNullOrEmpty(CredsStore) ? null
            : (CredsStore, host == References.ImageReference.DefaultDomain ? "https://index.docker.io/v1/" : host);
    }
}

/// <summary>What <c>auth.json</c> holds under one key.</summary>
internal sealed record CredentialEntry
{
    /// <summary>Base64 of <c>user:password</c>.</summary>
    public string? Auth { get; init; }
    public string? Username { get; init; }
    public string? Password { get; init; }

    [JsonPropertyName("identitytoken")]
    public string? IdentityToken { get; init; }

    [JsonPropertyName("registrytoken")]
    public string? RegistryToken { get; init; }

    public RegistryCredential? ToCredential(string key)
    {
        string user = Username ?? "", password = Password ?? "";
        if (!string.IsNullOrEmpty(Auth))
        {
            byte[] decoded = new byte[Auth.Length];
            if (!Convert.TryFromBase64String(Auth, decoded, out int length))
                throw new InvalidDataException($"auths[{key}].auth is not base64");
            string pair = Encoding.UTF8.GetString(decoded, 0, length).TrimEnd('\0');
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
                throw new InvalidDataException($"auths[{key}].auth is not user:password");
            (user, password) = (pair[..colon], pair[(colon + 1)..]);
        }
        bool nothing = user.Length == 0 && string.IsNullOrEmpty(IdentityToken) && string.IsNullOrEmpty(RegistryToken);
        return nothing ? null : new RegistryCredential(user, password, Filled(IdentityToken), Filled(RegistryToken));
    }

    private static string? Filled(string? text) => string.IsNullOrEmpty(text) ? null : text;
}

/// <summary>What a credential helper answers.</summary>
internal sealed record HelperAnswer
{
    [JsonPropertyName("Username")]
    public string? Username { get; init; }

    [JsonPropertyName("Secret")]
    public string? Secret { get; init; }
}

/// <summary>What a token service answers. Source: the distribution project's token authentication.</summary>
internal sealed record TokenAnswer
{
    public string? Token { get; init; }

    [JsonPropertyName("access_token")]
    public string? AccessToken { get; init; }

    /// <summary>Seconds; 60 when the service does not say.</summary>
    [JsonPropertyName("expires_in")]
    public long? ExpiresIn { get; init; }
}

/// <summary>How registries say what is wrong. Source: distribution-spec "error codes".</summary>
internal sealed record RegistryErrors
{
    public IReadOnlyList<RegistryError>? Errors { get; init; }
}

internal sealed record RegistryError
{
    public string? Code { get; init; }
    public string? Message { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(CredentialFile))]
[JsonSerializable(typeof(HelperAnswer))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(RegistryErrors))]
internal sealed partial class RegistryJson : JsonSerializerContext;
