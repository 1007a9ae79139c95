using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Security;
using Xunit;

namespace NodeAgent.UnitTests.Security;

public sealed class UserResolutionTests
{
    private const string Place = "(pod: \"web_shop(u-1)\", container: main)";

    private static readonly UserDatabase Users = new(
        "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:100:Web:/srv/web:/bin/sh\n"u8,
        "root:x:0:\nwheel:x:10:root\nusers:x:100:\nlogs:x:4:web\nextra:x:2000:web\n"u8);

    [Theory]
    [InlineData("", null, null, "0:0 groups 0,10", "/root")]
    [InlineData("web", null, null, "1000:100 groups 100,4,2000", "/srv/web")]
    [InlineData("1000", null, null, "1000:100 groups 100,4,2000", "/srv/web")]
    [InlineData("web:root", null, null, "1000:0 groups 0,4,2000", "/srv/web")]
    [InlineData("1234:55", null, null, "1234:55 groups 55", "/")]
    [InlineData("web", 0, null, "0:0 groups 0,10", "/root")]
    [InlineData("", 1000, null, "1000:100 groups 100,4,2000", "/srv/web")]
    [InlineData("web:logs", 4321, null, "4321:0 groups 0", "/")]
    [InlineData("web", null, 77, "1000:77 groups 77,4,2000", "/srv/web")]
    [InlineData("", 4321, 77, "4321:77 groups 77", "/")]
    public void The_manifests_user_wins_over_the_images_and_brings_its_groups_along(string image, int? user, int? group, string expected, string home)
    {
        ResolvedUser resolved = Resolve(image, new SecurityContext { RunAsUser = user, RunAsGroup = group }, null);
        Assert.Equal(expected, resolved.User.ToString());
        Assert.Equal(home, resolved.Home);
    }

    [Fact]
    public void The_containers_context_wins_over_the_pods() =>
        Assert.Equal(
            "7:8 groups 8",
            Resolve("", new SecurityContext { RunAsUser = 7 }, new PodSecurityContext { RunAsUser = 5, RunAsGroup = 8 }).User.ToString());

    [Fact]
    public void The_pods_groups_are_added_once_each() =>
        Assert.Equal(
            "1000:100 groups 100,4,2000,9,3000",
            Resolve("web", null, new PodSecurityContext { SupplementalGroups = [4, 9, 100], FsGroup = 3000 }).User.ToString());

    [Fact]
    public void Strict_leaves_out_what_the_image_says() =>
        Assert.Equal(
            "1000:100 groups 100,9",
            Resolve("web", null, new PodSecurityContext { SupplementalGroups = [9], SupplementalGroupsPolicy = "Strict" }).User.ToString());

    [Theory]
    [InlineData("", null, "container has runAsNonRoot and image will run as root " + Place)]
    [InlineData("0", null, "container has runAsNonRoot and image will run as root " + Place)]
    [InlineData("00:5", null, "container has runAsNonRoot and image will run as root " + Place)]
    [InlineData("web", null, "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root " + Place)]
    [InlineData("1000", 0, "container's runAsUser breaks non-root policy " + Place)]
    public void Non_root_is_verified_in_the_kubelets_words(string image, int? user, string expected)
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => Resolve(image, new SecurityContext { RunAsUser = user, RunAsNonRoot = true }, null));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        Assert.Equal(expected, e.Message);
    }

    [Theory]
    [InlineData("1000", null)]
    [InlineData("1000:0", null)]
    [InlineData("web", 5)]
    [InlineData("", 5)]
    public void A_number_other_than_root_is_non_root(string image, int? user) =>
        Assert.NotEqual(0u, Resolve(image, new SecurityContext { RunAsUser = user }, new PodSecurityContext { RunAsNonRoot = true }).User.Uid);

    [Fact]
    public void The_container_may_allow_root_where_the_pod_does_not() =>
        Assert.Equal(0u, Resolve("", new SecurityContext { RunAsNonRoot = false }, new PodSecurityContext { RunAsNonRoot = true }).User.Uid);

    [Theory]
    [InlineData("ghost", "user 'ghost'")]
    [InlineData("web:ghosts", "group 'ghosts'")]
    public void An_unknown_name_is_a_mistake_in_image_or_manifest(string image, string expected)
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => Resolve(image, null, null));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        Assert.StartsWith("container main: " + expected, e.Message, StringComparison.Ordinal);
    }

    private static ResolvedUser Resolve(string image, SecurityContext? container, PodSecurityContext? pod) => UserResolution.Resolve(
        new Pod { Metadata = new ObjectMeta { Name = "web", Namespace = "shop", Uid = "u-1" }, Spec = new PodSpec { SecurityContext = pod } },
        new Container { Name = "main", SecurityContext = container },
        new ImageConfig { User = image },
        Users);
}
