using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>What images and containers share, and when it goes.</summary>
public sealed class SharingTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentBag<string> _reached = [];
    private ImageService? _images;

    private ImageService Images => _images!;

    private StatePaths Paths => new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        _images = await OpenAsync();
    }

    private Task<ImageService> OpenAsync() => ImageService.OpenAsync(Paths, TimeProvider.System, NullLogger<ImageService>.Instance, _reached.Add);

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<ImageRecord> LoadAsync(string name, params string[] files)
    {
        string archive = _folder[$"{name}.tar"];
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build(name, [.. files.Select(file => new TarBuilder().File(file, file).Build())]));
        return Assert.Single(await Images.LoadAsync(archive, null, CancellationToken.None));
    }

    private string[] Layers() => [.. Directory.EnumerateDirectories(Path.Combine(Paths.Snapshots, "layers")).Select(Path.GetFileName).OfType<string>().Where(name => name != "empty")];

    private int Commits => _reached.Count(point => point == "Layers.Commit.AfterRename");

    [Fact]
    public async Task Layers_that_images_have_in_common_are_unpacked_once()
    {
        await LoadAsync("one", "base", "shared", "one");
        await LoadAsync("two", "base", "shared", "two");

        Assert.Equal(4, Layers().Length);
        Assert.Equal(4, Commits);
    }

    [Fact]
    public async Task The_same_layer_on_another_base_is_unpacked_for_itself()
    {
        await LoadAsync("one", "a", "b");
        await LoadAsync("two", "b", "b");

        Assert.Equal(4, Layers().Length);
    }

    [Fact]
    public async Task Many_loads_and_snapshots_at_once_do_each_layer_once()
    {
        string archive = _folder["web.tar"];
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build("web", [.. Enumerable.Range(0, 6).Select(i => new TarBuilder().File($"f{i}", new string('x', 100_000)).Build())]));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Images.LoadAsync(archive, $"web:{i}", CancellationToken.None)));
        ImageRecord image = Assert.Single(await Images.ListImagesAsync(CancellationToken.None));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Images.PrepareAsync($"c{i % 25}", image, CancellationToken.None)));

        Assert.Equal(8, image.Names.Count);
        Assert.Equal(6, Commits);
        Assert.Equal(25, (await Images.ListAsync(CancellationToken.None)).Count);
    }

    [Fact]
    public async Task Layers_that_are_gone_are_unpacked_once_for_all_who_want_them()
    {
        await LoadAsync("web", "a", "b");
        await Images.DisposeAsync();
        foreach (string layer in Layers())
            File.WriteAllText(Path.Combine(Paths.Snapshots, "layers", layer, "unsynced"), "another boot");
        _images = await OpenAsync();
        _reached.Clear();
        ImageRecord image = Assert.Single(await Images.ListImagesAsync(CancellationToken.None));

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Images.PrepareAsync($"c{i}", image, CancellationToken.None)));

        Assert.Equal(2, Commits);
    }

    [Fact]
    public async Task Layers_stay_for_a_container_whose_image_lost_its_name_also_over_a_restart()
    {
        ImageRecord image = await LoadAsync("web", "a", "b");
        Mount mount = await Images.PrepareAsync("c", image, CancellationToken.None);

        await Images.RemoveImageAsync("web", CancellationToken.None);

        Assert.Equal(2, Layers().Length);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "blobs"), "*", SearchOption.AllDirectories));
        await Images.DisposeAsync();
        _images = await OpenAsync();
        Assert.Equal(2, Layers().Length);
        Assert.Equal(mount.Options, (await Images.PrepareAsync("c", image, CancellationToken.None)).Options);

        await Images.RemoveAsync("c", CancellationToken.None);
        Assert.Empty(Layers());
        await Assert.ThrowsAsync<ImageException>(() => Images.PrepareAsync("d", image, CancellationToken.None));
    }

    [Theory]
    [InlineData("another boot\n.\n")]
    [InlineData("")]
    public async Task A_snapshot_of_an_earlier_boot_is_thrown_away(string record)
    {
        ImageRecord image = await LoadAsync("web", "a");
        Mount mount = await Images.PrepareAsync("c", image, CancellationToken.None);
        string upper = mount.Options.First(option => option.Key == "upperdir").Value!;
        File.WriteAllText(upper + "/written", "before the reboot");
        await Images.DisposeAsync();
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(upper)!, "layers"), record);

        _images = await OpenAsync();

        Assert.Empty(await Images.ListAsync(CancellationToken.None));
        await Images.PrepareAsync("c", image, CancellationToken.None);
        Assert.False(File.Exists(upper + "/written"));
    }

    [Fact]
    public async Task What_a_container_wrote_is_off_the_disk_after_its_removal()
    {
        ImageRecord image = await LoadAsync("web", "a");
        Mount mount = await Images.PrepareAsync("c", image, CancellationToken.None);
        string upper = mount.Options.First(option => option.Key == "upperdir").Value!;
        Tool.Shell($"cd {upper}; mkdir -p a/b/c; ln -s / a/root; : > a/f; chmod 000 a/b; mkfifo p");

        await Images.RemoveAsync("c", CancellationToken.None);

        Assert.False(Directory.Exists(upper));
        await Images.WaitForDeletionsAsync(default);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Paths.Snapshots, "trash")));
    }

    [Fact]
    public async Task The_root_of_a_snapshot_looks_like_the_image()
    {
        string archive = _folder["web.tar"];
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build("web", new TarBuilder().Directory("./", mode: 0x1E8, uid: 5, gid: 6).Build()));
        ImageRecord image = Assert.Single(await Images.LoadAsync(archive, null, CancellationToken.None));

        Mount mount = await Images.PrepareAsync("c", image, CancellationToken.None);

        Assert.Equal("750 5:6", Tool.Run("stat", "-c", "%a %u:%g", mount.Options.First(option => option.Key == "upperdir").Value!).Trim());
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("a\0b")]
    public async Task A_key_that_is_no_file_name_is_refused(string key)
    {
        ImageRecord image = await LoadAsync("web", "a");

        await Assert.ThrowsAsync<ArgumentException>(() => Images.PrepareAsync(key, image, CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentException>(() => Images.RemoveAsync(key, CancellationToken.None));
    }

    [Fact]
    public async Task An_image_of_127_layers_can_be_mounted_and_its_layers_are_not_written_to()
    {
        ImageRecord image = await LoadAsync("many", [.. Enumerable.Range(0, 127).Select(i => $"f{i}")]);

        Mount mount = await Images.PrepareAsync("c", image, CancellationToken.None);

        string[] lower = [.. mount.Options.Where(option => option.Key == "lowerdir").Select(option => option.Value!)];
        Assert.Equal(127, lower.Distinct().Count());
        Assert.All(lower, folder => Assert.InRange(folder.Length, 1, 255));
        Assert.True(File.Exists(lower[0] + "/f126") && File.Exists(lower[126] + "/f0"));
        using Microsoft.Win32.SafeHandles.SafeFileHandle root = new NodeAgent.Runtime.Bundle.RootfsMounter(_folder["scratch"]).Mount(mount);
        string mounted = $"/proc/self/fd/{root.DangerousGetHandle()}";
        Assert.Equal(127, Directory.EnumerateFiles(mounted).Count());
        File.WriteAllText(mounted + "/f0", "written");
        Assert.Equal("f0", File.ReadAllText(lower[126] + "/f0"));
    }
}
