using System.Security.Cryptography;
using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Fingerprint of a container's specification as a run's record keeps it: <c>{definition}.{resources}</c>, 16 hexadecimal digits each.
/// The definition (name and image) decides whether a run has to be replaced; both together are the key of the restart back-off.
/// </summary>
public static class ContainerHash
{
    public static string Of(Container container)
    {
        StringBuilder resources = new();
        Append(resources, "limits", container.Resources?.Limits);
        Append(resources, "requests", container.Resources?.Requests);
        return Digest($"{container.Name}\n{container.Image}") + "." + Digest(resources.ToString());
    }

    /// <summary>True when a run made from one specification cannot stand for the other.</summary>
    public static bool DefinitionDiffers(string recorded, string wanted) =>
        !recorded.AsSpan(0, DefinitionLength(recorded)).SequenceEqual(wanted.AsSpan(0, DefinitionLength(wanted)));

    private static int DefinitionLength(string hash) => hash.IndexOf('.', StringComparison.Ordinal) is var dot and >= 0 ? dot : hash.Length;

    private static void Append(StringBuilder text, string kind, IReadOnlyDictionary<string, Quantity>? quantities)
    {
        foreach ((string name, Quantity quantity) in (quantities ?? new Dictionary<string, Quantity>()).OrderBy(q => q.Key, StringComparer.Ordinal))
            text.Append(kind).Append('/').Append(name).Append('=').Append(quantity).Append('\n');
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
}
