namespace NodeAgent.Images.Registry;

/// <summary>By what right an image is fetched: a user with a password, or a token that buys others. Never printed.</summary>
/// <param name="IdentityToken">An OAuth2 refresh token; user and password mean nothing then.</param>
/// <param name="RegistryToken">A bearer token for the registry as it is.</param>
internal sealed record RegistryCredential(string User, string Password, string? IdentityToken = null, string? RegistryToken = null)
{
    public override string ToString() => User.Length > 0 ? $"credentials of {User}" : "a token";
}
