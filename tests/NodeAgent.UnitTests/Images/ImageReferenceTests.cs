using NodeAgent.Core.Cri;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class ImageReferenceTests
{
    private const string Sha256 = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private const string Sha512 =
        "sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1.36", "docker.io/library/busybox:1.36")]
    [InlineData("library/busybox", "docker.io/library/busybox:latest")]
    [InlineData("team/web", "docker.io/team/web:latest")]
    [InlineData("a/b/c:d", "docker.io/a/b/c:d")]
    [InlineData("docker.io/busybox", "docker.io/library/busybox:latest")]
    [InlineData("index.docker.io/busybox", "docker.io/library/busybox:latest")]
    [InlineData("docker.io/team/web", "docker.io/team/web:latest")]
    [InlineData("localhost/web", "localhost/web:latest")]
    [InlineData("localhost:5000/web:v1", "localhost:5000/web:v1")]
    [InlineData("Host/web", "Host/web:latest")]
    [InlineData("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10")]
    [InlineData("192.168.0.1:5000/web", "192.168.0.1:5000/web:latest")]
    [InlineData("[::1]:5000/web:v1", "[::1]:5000/web:v1")]
    [InlineData("[fd00:1:2::3]/web", "[fd00:1:2::3]/web:latest")]
    [InlineData("xn--bcher-kva.example/web", "xn--bcher-kva.example/web:latest")]
    [InlineData("my_image", "docker.io/library/my_image:latest")]
    [InlineData("my__image", "docker.io/library/my__image:latest")]
    [InlineData("my---image", "docker.io/library/my---image:latest")]
    [InlineData("my.image", "docker.io/library/my.image:latest")]
    [InlineData("a:_tag", "docker.io/library/a:_tag")]
    [InlineData("a:Tag.With-All_1", "docker.io/library/a:Tag.With-All_1")]
    [InlineData("busybox@" + Sha256, "docker.io/library/busybox@" + Sha256)]
    [InlineData("busybox@" + Sha512, "docker.io/library/busybox@" + Sha512)]
    [InlineData("host:5000/a/b@" + Sha256, "host:5000/a/b@" + Sha256)]
    public void A_name_is_completed_as_docker_and_containerd_do(string text, string canonical)
    {
        Assert.Equal(canonical, ImageReference.Parse(text).Canonical);
        Assert.Equal(canonical, ImageReference.Parse(canonical).Canonical);
    }

    [Fact]
    public void A_digest_wins_over_the_tag_beside_it()
    {
        ImageReference reference = ImageReference.Parse("web:1@" + Sha256);

        Assert.Equal("1", reference.Tag);
        Assert.Equal("docker.io/library/web@" + Sha256, reference.Canonical);
        Assert.Equal("docker.io/library/web:1@" + Sha256, reference.ToString());
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData(" busybox", "not a part of a repository")]
    [InlineData("busybox ", "not a part of a repository")]
    [InlineData("Busybox", "must be lower case")]
    [InlineData("docker.io/Team/web", "must be lower case")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "image id")]
    [InlineData("busybox:", "not a tag")]
    [InlineData("busybox:.x", "not a tag")]
    [InlineData("busybox:-x", "not a tag")]
    [InlineData("busybox:a b", "not a tag")]
    [InlineData("busybox:a:b", "not a tag")]
    [InlineData("busybox@", "not a digest")]
    [InlineData("busybox@sha256:0123", "not a digest")]
    [InlineData("busybox@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "not a digest")]
    [InlineData("busybox@md5:0123456789abcdef0123456789abcdef", "not a digest")]
    [InlineData("busybox@" + Sha256 + "@" + Sha256, "not a digest")]
    [InlineData("@" + Sha256, "repository is missing")]
    [InlineData(":tag", "repository is missing")]
    [InlineData("localhost/", "repository is missing")]
    [InlineData("a//b", "empty part")]
    [InlineData("/a", "empty part")]
    [InlineData("a/", "empty part")]
    [InlineData("_a", "not a part of a repository")]
    [InlineData("a_", "not a part of a repository")]
    [InlineData("a..b", "not a part of a repository")]
    [InlineData("a___b", "not a part of a repository")]
    [InlineData("a._b", "not a part of a repository")]
    [InlineData("a b/c", "not a part of a repository")]
    [InlineData("bücher/web", "not a part of a repository")]
    [InlineData("-host.example/web", "not a registry host")]
    [InlineData("host-.example/web", "not a registry host")]
    [InlineData("host..example/web", "not a registry host")]
    [InlineData("host.example:/web", "not a registry host")]
    [InlineData("host.example:port/web", "not a registry host")]
    [InlineData("host.example:0/web", "not a registry host")]
    [InlineData("host.example:65536/web", "not a registry host")]
    [InlineData("https://host.example/web", "not a registry host")]
    [InlineData("[::1/web", "not a registry host")]
    [InlineData("[]:5000/web", "not a registry host")]
    [InlineData("[::1]x/web", "not a registry host")]
    [InlineData("../web", "not a registry host")]
    public void A_name_that_is_none_is_refused_with_the_reason(string text, string reason)
    {
        ImageException refused = Assert.Throws<ImageException>(() => ImageReference.Parse(text));

        Assert.Equal(ImageFailure.InvalidImageName, refused.Failure);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Contains(text, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_are_bounded_where_docker_bounds_them()
    {
        Assert.Equal(255, ImageReference.Parse("host.example/" + new string('a', 255)).Path.Length);
        Assert.Equal(128, ImageReference.Parse("a:" + new string('t', 128)).Tag!.Length);

        Assert.Throws<ImageException>(() => ImageReference.Parse("host.example/" + new string('a', 256)));
        Assert.Throws<ImageException>(() => ImageReference.Parse(new string('a', 248))); // library/ counts
        Assert.Throws<ImageException>(() => ImageReference.Parse("a:" + new string('t', 129)));
        Assert.True(Assert.Throws<ImageException>(() => ImageReference.Parse(new string('a', 1 << 20))).Message.Length < 500);
    }

    [Fact]
    public void Control_characters_do_not_reach_the_message()
    {
        string message = Assert.Throws<ImageException>(() => ImageReference.Parse("a\nb\0c\u001b[31m")).Message;

        Assert.DoesNotContain(message, char.IsControl);
    }
}
