using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Fingerprint of a container's specification as a run's record keeps it: <c>{definition}.{resources}.{round}</c>.
/// The definition (name and image) decides whether a run has to be replaced; definition and resources are the key of the restart back-off;
/// the round counts how often a restart rule has made all containers of the pod start anew in the same sandbox.
/// </summary>
public readonly record struct ContainerHash(string Definition, string Resources, int Round)
{
    public static ContainerHash Of(Container container, int round)
    {
        StringBuilder resources = new();
        Append(resources, "limits", container.Resources?.Limits);
        Append(resources, "requests", container.Resources?.Requests);
        return new ContainerHash(Digest($"{container.Name}\n{container.Image}"), Digest(resources.ToString()), round);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote. Anything else is a definition of its own, equal to nothing.</summary>
    public static ContainerHash Parse(string text)
    {
        string[] parts = text.Split('.');
        return parts.Length == 3 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int round)
            ? new ContainerHash(parts[0], parts[1], round)
            : new ContainerHash(text, "", 0);
    }

    /// <summary>True when a restart back-off counted under one key goes on under the other.</summary>
    public bool SameBackoffKey(ContainerHash other) => Definition == other.Definition && Resources == other.Resources;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Definition}.{Resources}.{Round}");

    private static void Append(StringBuilder text, string kind, IReadOnlyDictionary<string, Quantity>? quantities)
    {
        foreach ((string name, Quantity quantity) in (quantities ?? ImmutableDictionary<string, Quantity>.Empty).OrderBy(q => q.Key, StringComparer.Ordinal))
            text.Append(kind).Append('/').Append(name).Append('=').Append(quantity).Append('\n');
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
}
