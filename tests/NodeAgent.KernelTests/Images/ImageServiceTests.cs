using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Images that other tools have made, loaded and mounted.</summary>
public sealed class ImageServiceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ImageServiceTests() => BusyboxImage.Require();

    public void Dispose() => _folder.Dispose();

    private StatePaths Paths => new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    private Task<ImageService> OpenAsync() => ImageService.OpenAsync(Paths, TimeProvider.System, NullLogger<ImageService>.Instance);

    [Fact]
    public async Task An_OCI_layout_is_loaded_with_its_configuration()
    {
        string layout = BusyboxImage.MakeLayout(_folder);
        await using ImageService images = await OpenAsync();

        ImageRecord image = Assert.Single(await images.LoadAsync(layout, "localhost/web:1", CancellationToken.None));

        Assert.Equal(["localhost/web:1"], image.Names);
        Assert.Equal(["/bin/sh"], image.Config.Entrypoint);
        Assert.Equal(["-c", "echo hello"], image.Config.Cmd);
        Assert.Contains("A=b", image.Config.Env);
        Assert.Equal("/tmp", image.Config.WorkingDir);
        Assert.Equal("web", image.Config.User);
        Assert.Equal(["/data"], image.Config.Volumes);
        Assert.Equal(2, image.DiffIds.Count);
        Assert.Same(image, await images.ImageStatusAsync("localhost/web:1", CancellationToken.None));
        Assert.Same(image, await images.ImageStatusAsync(image.Id, CancellationToken.None));
        Assert.Same(image, await images.ImageStatusAsync($"localhost/web@{image.Digest}", CancellationToken.None));
    }

    [Theory]
    [InlineData("oci-archive:{0}:localhost/web:1")]
    [InlineData("docker-archive:{0}:localhost/web:1")]
    public async Task An_archive_of_skopeo_is_loaded_under_the_name_it_has(string destination)
    {
        string layout = BusyboxImage.MakeLayout(_folder);
        string archive = _folder["archive.tar"];
        Tool.Run("skopeo", "copy", "-q", $"oci:{layout}:{BusyboxImage.Tag}", string.Format(destination, archive));
        await using ImageService images = await OpenAsync();

        ImageRecord image = Assert.Single(await images.LoadAsync(archive, null, CancellationToken.None));

        Assert.Equal(["localhost/web:1"], image.Names);
        Assert.Equal("web", image.Config.User);
    }

    [Fact]
    public async Task A_snapshot_mounts_as_the_image_says()
    {
        string layout = BusyboxImage.MakeLayout(_folder);
        await using ImageService images = await OpenAsync();
        ImageRecord image = Assert.Single(await images.LoadAsync(layout, "web", CancellationToken.None));

        Mount mount = await images.PrepareAsync("c1", image, CancellationToken.None);

        string seen = MountedShell(mount, "cat etc/added; ls etc; stat -c %a tmp; stat -c %h bin/sh; echo x > new; rm etc/passwd");
        Assert.Equal("two\nadded\npasswd\n1777\n6\n", seen);
        Assert.Equal(["c1"], await images.ListAsync(CancellationToken.None));
        Assert.Equal(mount.Options, (await images.PrepareAsync("c1", image, CancellationToken.None)).Options);
        Mount other = await images.PrepareAsync("c2", image, CancellationToken.None);
        Assert.Equal("added\npasswd\n", MountedShell(other, "ls etc"));
    }

    /// <summary>Runs a script at the root of a mounted snapshot, in a mount namespace of its own.</summary>
    private string MountedShell(Mount mount, string script)
    {
        Assert.Equal("overlay", mount.Type);
        string lower = string.Join(':', mount.Options.Where(option => option.Key == "lowerdir").Select(option => option.Value));
        string rest = string.Join(',', mount.Options.Where(option => option.Key != "lowerdir").Select(option => $"{option.Key}={option.Value}"));
        string target = Directory.CreateDirectory(_folder["mount"]).FullName;
        return Tool.Run("unshare", "-m", "--", "/bin/sh", "-ec", $"mount -t overlay overlay -o lowerdir={lower},{rest} {target}; cd {target}; {script}");
    }

    [Fact]
    public async Task Other_tools_read_the_store_as_it_is()
    {
        string layout = BusyboxImage.MakeLayout(_folder);
        await using ImageService images = await OpenAsync();
        ImageRecord image = Assert.Single(await images.LoadAsync(layout, "busybox", CancellationToken.None));

        string inspected = Tool.Run("skopeo", "inspect", $"oci:{Paths.Content}:docker.io/library/busybox:latest");
        string listed = Tool.Run("umoci", "list", "--layout", Paths.Content);

        Assert.Contains(image.Digest, inspected, StringComparison.Ordinal);
        Assert.Equal("docker.io/library/busybox:latest\n", listed);
    }
}
