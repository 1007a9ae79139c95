using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Images that umoci, skopeo and podman made, pulled from Debian's docker-registry, compared name by name with what umoci unpacks.</summary>
public sealed class RegistryTreeTests
{
    public static TheoryData<string, string> Images => new()
    {
        { "busybox", "1" },
        { "busybox", "zstd" },
        { "busybox", "docker" },
        { "debian", "1" },
        { "many-platforms", "1" },
        { "many-platforms", "docker" },
        { "layers12", "1" },
        { "layers127", "1" },
        { "layers127", "docker" },
        { "hardlinks", "1" },
        { "opaque", "1" },
        { "committed", "1" },
        { "capabilities", "1" },
        { "files200k", "1" },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public async Task A_pulled_image_has_the_tree_that_umoci_unpacks(string name, string tag)
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync(parent: name == "files200k" ? BuiltImage.FolderForManyFiles : null);
        BuiltImage built = await BuiltImage.GetAsync(name);

        ImageRecord image = await store.PullAsync($"{registry.Host}/{built.Repository}:{tag}");

        Assert.Equal([$"{registry.Host}/{built.Repository}:{tag}"], image.Names);
        Assert.Equal(built.Listing, await store.TreeAsync(image));
        store.AssertVerifies();
    }

    /// <summary>The listings see what they are there to see.</summary>
    [Theory]
    [InlineData("busybox", "./bin/sh f 755 0:0")]
    [InlineData("debian", "./usr/bin/dpkg f 755 0:0")]
    [InlineData("hardlinks", "./opt/third f 4755 7:8")]
    [InlineData("opaque", "./a/above f 644 0:0")]
    [InlineData("capabilities", "security.capability=0x")]
    [InlineData("committed", "security.capability=0x")]
    [InlineData("layers127", "./d7/f127 f 644")]
    [InlineData("files200k", "./d499/f199999 f 644")]
    public async Task The_reference_has_what_the_image_is_about(string name, string text)
    {
        RegistryImages.Require();

        Assert.Contains(text, (await BuiltImage.GetAsync(name)).Listing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_image_of_127_layers_can_be_mounted_and_written_to()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();
        ImageRecord image = await store.PullAsync($"{registry.Host}/test/layers127:1");

        Mount mount = await store.Images.PrepareAsync("c", image, CancellationToken.None);

        Assert.Equal(127, mount.Options.Count(option => option.Key == "lowerdir"));
        Assert.Equal(127, image.DiffIds.Count);
    }

    [Fact]
    public async Task Other_tools_read_what_was_pulled_as_it_is()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();
        foreach (string image in new[] { "test/busybox:1", "test/busybox:zstd", "test/busybox:docker", "test/many-platforms:1", "test/many-platforms:docker" })
        {
            ImageRecord pulled = await store.PullAsync($"{registry.Host}/{image}");

            string inspected = Tool.Run("skopeo", "inspect", $"oci:{store.Paths.Content}:{registry.Host}/{image}");
            Assert.Contains("\"linux\"", inspected, StringComparison.Ordinal);
            Tool.Run("skopeo", "copy", "-q", $"oci:{store.Paths.Content}:{registry.Host}/{image}", $"oci:{store.Folder["copy"]}:{pulled.Id[7..]}");
        }
        Assert.Equal(5, Tool.Run("umoci", "list", "--layout", store.Paths.Content).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("docker")]
    public async Task An_index_gives_the_image_for_this_machine_and_nothing_else_is_fetched(string tag)
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();

        ImageRecord image = await store.PullAsync($"{registry.Host}/test/many-platforms:{tag}");

        string architecture = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant() is "x64" ? "amd64" : "arm64";
        Assert.Equal(architecture, image.Config.Architecture);
        // One configuration and one layer, of one image of the four.
        Assert.Equal(2, (await registry.StopAsync()).Where(request => request.Method == "GET").Select(request => request.Blob).OfType<string>().Distinct().Count());
    }

    [Fact]
    public async Task An_image_is_pulled_by_its_digest()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using PullStore store = await PullStore.OpenAsync();
        ImageRecord byTag = await store.PullAsync($"{registry.Host}/test/busybox:1");
        await using PullStore other = await PullStore.OpenAsync();

        ImageRecord byDigest = await other.PullAsync($"{registry.Host}/test/busybox@{byTag.Digest}");

        Assert.Equal(byTag.Id, byDigest.Id);
        Assert.NotNull(await other.Images.ImageStatusAsync($"{registry.Host}/test/busybox@{byTag.Digest}", CancellationToken.None));
        Assert.NotNull(await other.Images.ImageStatusAsync($"{registry.Host}/test/busybox:7@{byTag.Digest}", CancellationToken.None));
        Assert.Null(await other.Images.ImageStatusAsync($"{registry.Host}/test/busybox:1", CancellationToken.None));
    }
}
