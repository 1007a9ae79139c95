using System.Text;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Registries;
using Xunit;

namespace NodeAgent.UnitTests.Registries;

public sealed class RegistryConfigurationTests
{
    private const string Head = "apiVersion: podagent.io/v1alpha1\nkind: RegistryConfiguration\n";

    private static RegistryConfiguration Parse(string body)
    {
        (RegistryConfiguration? configuration, IReadOnlyList<ManifestError> errors) = RegistryConfigurationParser.Parse(Encoding.UTF8.GetBytes(Head + body), "registries.yaml");
        Assert.Empty(errors);
        return configuration!;
    }

    private static ManifestError Refuse(string body)
    {
        (RegistryConfiguration? configuration, IReadOnlyList<ManifestError> errors) = RegistryConfigurationParser.Parse(Encoding.UTF8.GetBytes(Head + body), "registries.yaml");
        Assert.Null(configuration);
        return errors[0];
    }

    private static IEnumerable<string> UrlsOf(RegistryConfiguration configuration, string host) =>
        configuration.EndpointsOf(host).Select(entry => (entry.IsMirror ? "mirror " : "") + entry.Endpoint.Url!.OriginalString);

    [Theory]
    [InlineData("docker.io", "https://registry-1.docker.io")]
    [InlineData("registry.example:5000", "https://registry.example:5000")]
    [InlineData("localhost:5000", "http://localhost:5000")]
    [InlineData("127.0.0.1:5000", "http://127.0.0.1:5000")]
    [InlineData("[::1]:5000", "http://[::1]:5000")]
    [InlineData("localhost.example", "https://localhost.example")]
    public void A_host_without_an_entry_is_asked_itself_by_https_unless_it_is_this_machine(string host, string url) =>
        Assert.Equal([url], UrlsOf(RegistryConfiguration.Empty, host));

    [Fact]
    public void Mirrors_come_first_in_their_order_and_the_registry_itself_last()
    {
        RegistryConfiguration configuration = Parse("registries:\n- host: docker.io\n  mirrors:\n  - url: https://one\n  - url: http://two:5000/hub\n");

        Assert.Equal(["mirror https://one", "mirror http://two:5000/hub", "https://registry-1.docker.io"], UrlsOf(configuration, "docker.io"));
        Assert.Equal(["https://quay.io"], UrlsOf(configuration, "quay.io"));
    }

    [Fact]
    public void The_star_is_for_hosts_without_an_entry_of_their_own_wherever_it_stands()
    {
        RegistryConfiguration configuration = Parse(
            "registries:\n- host: '*'\n  mirrors: [{url: https://all}]\n- host: quay.io\n  mirrorsOnly: true\n  mirrors: [{url: https://quay-mirror}]\n");

        Assert.Equal(["mirror https://quay-mirror"], UrlsOf(configuration, "quay.io"));
        Assert.Equal(["mirror https://all", "https://ghcr.io"], UrlsOf(configuration, "ghcr.io"));
    }

    [Fact]
    public void How_an_endpoint_is_spoken_to_is_its_own_affair()
    {
        RegistryConfiguration configuration = Parse(
            "registries:\n- host: r.example\n  ca: /etc/ca.pem\n  clientCertificate: /etc/c.pem\n  clientKey: /etc/c.key\n  mirrors: [{url: https://m, skipVerify: true}]\n");

        IReadOnlyList<(RegistryEndpoint Endpoint, bool IsMirror)> endpoints = configuration.EndpointsOf("r.example");
        Assert.Equal(new RegistryEndpoint(new Uri("https://m"), null, null, null, SkipVerify: true), endpoints[0].Endpoint);
        Assert.Equal(new RegistryEndpoint(new Uri("https://r.example"), "/etc/ca.pem", "/etc/c.pem", "/etc/c.key", SkipVerify: false), endpoints[1].Endpoint);
    }

    [Theory]
    [InlineData("registries:\n- mirrors: []\n", 4, "registries[0].host", "is missing")]
    [InlineData("registries:\n- host: https://r.example/v2\n", 4, "registries[0].host", "write host or host:port alone")]
    [InlineData("registries:\n- host: r\n  mirrors: [{ca: /x}]\n", 5, "registries[0].mirrors[0].url", "is missing")]
    [InlineData("registries:\n- host: r\n  mirror: []\n", 5, "registries[0].mirror", "did you mean mirrors")]
    [InlineData("registries:\n- host: r\n  url: r.example\n", 5, "registries[0].url", "http:// or https://")]
    [InlineData("registries:\n- host: r\n  url: https://user:secret@r.example\n", 5, "registries[0].url", "auth.json")]
    [InlineData("registries:\n- host: r\n  clientKey: /k\n", 5, "registries[0].clientKey", "stands alone")]
    [InlineData("registries:\n- host: r\n  ca: ca.pem\n", 5, "registries[0].ca", "absolute path")]
    [InlineData("registries:\n- host: r\n  skipVerify: maybe\n", 5, "registries[0].skipVerify", "true or false")]
    [InlineData("registries:\n- host: r\n  mirrorsOnly: true\n", 5, "registries[0].mirrorsOnly", "nobody to ask")]
    [InlineData("registries:\n- host: r\n- host: r\n", 5, "registries[1].host", "has an entry already")]
    [InlineData("registries:\n- host: '*'\n  url: https://r\n", 5, "registries[0].url", "every host")]
    [InlineData("registries: yes\n", 3, "registries", "expected a list")]
    public void A_fault_is_told_with_its_line_its_field_and_what_to_do(string body, int line, string field, string part)
    {
        ManifestError error = Refuse(body);

        Assert.Equal((line, field), (error.Line, error.FieldPath));
        Assert.Contains(part, error.ToString(), StringComparison.Ordinal);
    }
}
