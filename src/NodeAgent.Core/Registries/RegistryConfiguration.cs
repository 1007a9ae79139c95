using System.Collections.Immutable;

namespace NodeAgent.Core.Registries;

/// <summary>What <c>registries.yaml</c> says: where the images of which registry host are fetched, and by what rights.</summary>
/// <param name="Hosts">By the host as image names begin; the entry for <see cref="EveryHost"/> is last, if there is one.</param>
public sealed record RegistryConfiguration(ImmutableArray<RegistryHost> Hosts)
{
    public const string ExpectedApiVersion = "podagent.io/v1alpha1";
    public const string ExpectedKind = "RegistryConfiguration";

    /// <summary>Stands for all hosts that have no entry.</summary>
    public const string EveryHost = "*";

    private const string DockerHub = "docker.io";

    public static RegistryConfiguration Empty { get; } = new([]);

    /// <summary>
    /// The endpoints to ask for images of a host, best first: mirrors as written, then the registry itself unless <see cref="RegistryHost.MirrorsOnly"/>.
    /// </summary>
    /// <param name="host">Of an image reference, with its port: <c>docker.io</c>, <c>registry.example:5000</c>, <c>[::1]:5000</c>.</param>
    /// <returns>Each with whether it is a mirror.</returns>
    public IReadOnlyList<(RegistryEndpoint Endpoint, bool IsMirror)> EndpointsOf(string host)
    {
        RegistryHost? settings = Hosts.FirstOrDefault(entry => entry.Host == host) ?? Hosts.FirstOrDefault(entry => entry.Host == EveryHost);
        var endpoints = new List<(RegistryEndpoint, bool)>();
        foreach (RegistryEndpoint mirror in settings?.Mirrors ?? [])
            endpoints.Add((mirror, true));
        if (settings is not { MirrorsOnly: true })
        {
            RegistryEndpoint itself = settings?.Itself ?? RegistryEndpoint.Plain(DefaultUrl(host));
            endpoints.Add((itself.Url is null ? itself with { Url = DefaultUrl(host) } : itself, false));
        }
        return endpoints;
    }

    /// <summary>Registries on the machine itself are spoken to in plain HTTP, as container engines do; all others must be written to be.</summary>
    private static Uri DefaultUrl(string host)
    {
        if (host == DockerHub)
            return new Uri("https://registry-1.docker.io");
        bool local = host.StartsWith("127.", StringComparison.Ordinal) || host.StartsWith("[::1]", StringComparison.Ordinal)
            || host == "localhost" || host.StartsWith("localhost:", StringComparison.Ordinal);
        return new Uri((local ? "http://" : "https://") + host);
    }
}

/// <summary>One entry of <c>registries.yaml</c>.</summary>
/// <param name="Host">As image names begin, or <see cref="RegistryConfiguration.EveryHost"/>.</param>
/// <param name="Itself">The registry itself; without <see cref="RegistryEndpoint.Url"/> it is found by its host.</param>
/// <param name="Mirrors">Asked before it, in this order; each has a URL.</param>
/// <param name="MirrorsOnly">The registry itself is never asked.</param>
public sealed record RegistryHost(string Host, RegistryEndpoint Itself, ImmutableArray<RegistryEndpoint> Mirrors, bool MirrorsOnly);

/// <summary>A server that speaks the OCI distribution protocol, and how to speak to it.</summary>
/// <param name="Url">http or https; a path in it goes between <c>/v2/</c> and the repository.</param>
/// <param name="Ca">File of PEM certificates that are trusted here in addition to the system's.</param>
/// <param name="ClientCertificate">PEM file; with <paramref name="ClientKey"/>.</param>
/// <param name="SkipVerify">Any certificate will do.</param>
public sealed record RegistryEndpoint(Uri? Url, string? Ca, string? ClientCertificate, string? ClientKey, bool SkipVerify)
{
    public static RegistryEndpoint Plain(Uri url) => new(url, null, null, null, false);
}
