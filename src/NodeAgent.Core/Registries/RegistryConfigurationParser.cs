using System.Collections.Immutable;
using System.Text;
using NodeAgent.Core.Configuration;
using NodeAgent.Core.Manifests;

namespace NodeAgent.Core.Registries;

/// <summary>
/// Bytes of <c>registries.yaml</c> to <see cref="RegistryConfiguration"/>, with the same exactness about faults as manifests have:
/// <code>
/// apiVersion: podagent.io/v1alpha1
/// kind: RegistryConfiguration
/// registries:
///   - host: registry.example:5000      # as image names begin; "*" is every host without an entry
///     url, ca, clientCertificate, clientKey, skipVerify        of the registry itself, all optional
///     mirrorsOnly: false
///     mirrors:
///       - url: …                       # and ca, clientCertificate, clientKey, skipVerify
/// </code>
/// </summary>
public static class RegistryConfigurationParser
{
    private static readonly string[] EndpointFields = ["url", "ca", "clientCertificate", "clientKey", "skipVerify"];
    private static readonly string[] HostFields = ["host", "mirrors", "mirrorsOnly", .. EndpointFields];

    /// <returns>The settings, or null with at least one error.</returns>
    public static (RegistryConfiguration? Configuration, IReadOnlyList<ManifestError> Errors) Parse(ReadOnlyMemory<byte> bytes, string file)
    {
        var findings = new ManifestFindings(file);
        RegistryConfiguration? configuration = null;
        try
        {
            IReadOnlyList<ManifestNode> documents = YamlDocuments.Read(Encoding.UTF8.GetString(ManifestText.Check(bytes).Span));
            if (documents is [{ Kind: NodeKind.Mapping } document])
                configuration = Read(new MappingReader(findings, document, FieldPath.Root));
            else
                findings.Add(ManifestError.OfFile(file, ManifestReason.NotAnObject, $"holds {documents.Count} documents, or one that is no object", $"write one {RegistryConfiguration.ExpectedKind} into it"));
        }
        catch (ManifestSyntaxException fault)
        {
            findings.Add(new ManifestError(file, fault.Line, fault.Column, "", fault.Reason, fault.Message, fault.Remedy));
        }

        return (findings.Errors.Count == 0 ? configuration : null, findings.Errors);
    }

    private static RegistryConfiguration Read(MappingReader document)
    {
        document.Expect("apiVersion", RegistryConfiguration.ExpectedApiVersion, ManifestReason.UnsupportedApiVersion);
        document.Expect("kind", RegistryConfiguration.ExpectedKind, ManifestReason.UnsupportedKind);
        document.RefuseUnknown("apiVersion", "kind", "registries");
        var hosts = new List<RegistryHost>();
        foreach (MappingReader entry in document.Items("registries", "write a list of objects, each with a host"))
        {
            entry.RefuseUnknown(HostFields);
            if (Host(entry) is not { } host)
                continue;
            if (hosts.Exists(earlier => earlier.Host == host))
                entry.Add("host", ManifestReason.InvalidValue, $"{ManifestText.Quote(host)} has an entry already", "write one entry for each host");
            hosts.Add(ReadHost(entry, host));
        }

        return new RegistryConfiguration([.. hosts.OrderBy(host => host.Host == RegistryConfiguration.EveryHost)]);
    }

    private static string? Host(MappingReader entry)
    {
        if (entry.Text("host") is not { } host)
        {
            if (entry.Mapping.Find("host") is null)
                entry.Add("host", ManifestReason.MissingField, "is missing", "write the host that image names begin with, or \"*\"");
            return null;
        }

        if (!host.Contains('/', StringComparison.Ordinal))
            return host == "index.docker.io" ? "docker.io" : host;
        entry.Add("host", ManifestReason.InvalidValue, $"is {ManifestText.Quote(host)}", "write host or host:port alone; an address goes into url");
        return null;
    }

    private static RegistryHost ReadHost(MappingReader entry, string host)
    {
        var mirrors = ImmutableArray.CreateBuilder<RegistryEndpoint>();
        foreach (MappingReader mirror in entry.Items("mirrors", "write a list of objects, each with a url"))
        {
            mirror.RefuseUnknown(EndpointFields);
            RegistryEndpoint endpoint = ReadEndpoint(mirror);
            if (endpoint.Url is not null)
                mirrors.Add(endpoint);
            else if (mirror.Mapping.Find("url") is null)
                mirror.Add("url", ManifestReason.MissingField, "is missing", "write the mirror's address, such as https://mirror.example:5000");
        }

        RegistryEndpoint itself = ReadEndpoint(entry);
        bool only = entry.Bool("mirrorsOnly") ?? false;
        if (host == RegistryConfiguration.EveryHost && itself.Url is not null)
            entry.Add("url", ManifestReason.InvalidValue, "cannot be one address for every host", "make it a mirror");
        if (only && mirrors.Count == 0)
            entry.Add("mirrorsOnly", ManifestReason.InvalidValue, "leaves nobody to ask: there are no mirrors", "add mirrors, or remove it");
        return new RegistryHost(host, itself, mirrors.ToImmutable(), only);
    }

    private static RegistryEndpoint ReadEndpoint(MappingReader entry)
    {
        Uri? url = null;
        if (entry.Text("url") is { } text)
        {
            if (Uri.TryCreate(text, UriKind.Absolute, out Uri? parsed) && parsed.Scheme is "http" or "https" && parsed.Host.Length > 0
                && parsed.UserInfo.Length == 0 && parsed.Query.Length == 0 && parsed.Fragment.Length == 0)
            {
                url = parsed;
            }
            else
            {
                entry.Add("url", ManifestReason.InvalidValue, $"is {ManifestText.Quote(text)}", "write http:// or https://, host, port and perhaps a path; credentials belong into auth.json");
            }
        }

        string? certificate = entry.AbsolutePath("clientCertificate"), key = entry.AbsolutePath("clientKey");
        if (certificate is null != key is null)
            entry.Add(certificate is null ? "clientKey" : "clientCertificate", ManifestReason.InvalidValue, "stands alone", "write clientCertificate and clientKey, or neither");
        return new RegistryEndpoint(url, entry.AbsolutePath("ca"), certificate, key, entry.Bool("skipVerify") ?? false);
    }
}
