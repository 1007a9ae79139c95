using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

public sealed class ManifestFileNameTests
{
    [Theory(DisplayName = "Names ending in .yaml, .yml and .json are manifests")]
    [InlineData("web.yaml")]
    [InlineData("web.yml")]
    [InlineData("web.json")]
    [InlineData("WEB.YAML")]
    [InlineData("my web.v1.yaml")]
    [InlineData("4913.yaml")]
    public void Manifests(string name) => Assert.True(ManifestFileName.IsManifest(name));

    [Theory(DisplayName = "Hidden files, editors' own files and everything else are not")]
    [InlineData("")]
    [InlineData(".yaml")]
    [InlineData(".web.yaml")]
    [InlineData("web.yaml~")]
    [InlineData("#web.yaml#")]
    [InlineData("#web.yaml")]
    [InlineData(".#web.yaml")]
    [InlineData(".web.yaml.swp")]
    [InlineData("web.yaml.swp")]
    [InlineData("web.yaml.bak")]
    [InlineData("web.yaml.backup")]
    [InlineData("web.yaml.dpkg-new")]
    [InlineData("web.yaml.rpmsave")]
    [InlineData("4913")]
    [InlineData("web")]
    [InlineData("yaml")]
    [InlineData("web.yamlx")]
    [InlineData("web.txt")]
    [InlineData("sub/web.yaml")]
    public void NotManifests(string name) => Assert.False(ManifestFileName.IsManifest(name));
}
