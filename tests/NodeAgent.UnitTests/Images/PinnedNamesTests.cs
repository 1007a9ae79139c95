using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>Which names a pattern of the configuration pins.</summary>
public sealed class PinnedNamesTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("docker.io/busybox:1", "docker.io/library/busybox:1")]
    [InlineData("busybox@" + Digest, "docker.io/library/busybox@" + Digest)]
    [InlineData("busybox:9@" + Digest, "docker.io/library/busybox@" + Digest)]
    [InlineData("busybox*", "docker.io/library/busybox:1")]
    [InlineData("busybox*", "docker.io/library/busybox-extra@" + Digest)]
    [InlineData("busybox:*", "docker.io/library/busybox:1")]
    [InlineData("acme/*", "docker.io/acme/web:1")]
    [InlineData("docker.io/acme*", "docker.io/acme/web:1")]
    [InlineData("docker.io/busy*", "docker.io/library/busybox:1")]
    [InlineData("index.docker.io/busybox:*", "docker.io/library/busybox:1")]
    [InlineData("registry.k8s.io/*", "registry.k8s.io/pause:3.10")]
    [InlineData("localhost:5000/a/*", "localhost:5000/a/b/c:1")]
    [InlineData("[::1]:5000/web:*", "[::1]:5000/web:1")]
    [InlineData("*", "quay.io/any/thing:1")]
    public void A_name_that_fits_is_pinned(string pattern, string name)
    {
        Assert.Null(PinnedNames.Problem(pattern));
        Assert.True(PinnedNames.Of(["localhost/other", pattern]).Matches(name));
    }

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:1")]
    [InlineData("busybox:1", "quay.io/library/busybox:1")]
    [InlineData("busybox:1*", "docker.io/library/busybox:2")]
    [InlineData("busybox*", "docker.io/acme/busybox:1")]
    [InlineData("d*", "docker.io/library/busybox:1")]
    [InlineData("registry.k8s.io/pause:*", "registry.k8s.io/pause-extra:1")]
    public void Another_is_not(string pattern, string name) => Assert.False(PinnedNames.Of([pattern]).Matches(name));

    [Theory]
    [InlineData("not a name", "'not a name' is not a part of a repository")]
    [InlineData("", "empty")]
    [InlineData("a*b*", "at the end only")]
    [InlineData("a b*", "' ' is in no image's name")]
    [InlineData("Busybox", "lower case")]
    public void What_can_be_no_name_is_told(string pattern, string why) => Assert.Contains(why, PinnedNames.Problem(pattern), StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_pinned_by_nothing() => Assert.False(PinnedNames.None.Matches("docker.io/library/busybox:latest"));
}
