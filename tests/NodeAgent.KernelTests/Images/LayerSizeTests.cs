using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>What images take on disk, and that it is measured once.</summary>
public sealed class LayerSizeTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private ImageService? _images;

    private ImageService Images => _images!;

    private StatePaths Paths => new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_sizes_are_those_of_du_and_what_is_shared_is_counted_once()
    {
        ImageRecord one = await LoadAsync("one", 100_000, 300_000), two = await LoadAsync("two", 100_000, 50_000);

        ImageFsInfo info = await InfoAsync();
        Assert.Equal(Layers().Sum(Du), info.UnpackedBytes);
        Assert.Equal(Directory.EnumerateFiles(Paths.Content + "/blobs", "*", SearchOption.AllDirectories).Sum(blob => new FileInfo(blob).Length), info.ContentBytes);
        Assert.InRange(info.Unpacked[one.Id], 400_000, 450_000);
        Assert.InRange(info.Unpacked[two.Id], 150_000, 200_000);
        Assert.InRange(info.Unpacked[one.Id] + info.Unpacked[two.Id] - info.UnpackedBytes, 100_000, 120_000);
    }

    [Fact]
    public async Task A_size_is_read_at_the_next_start_and_walked_for_anew_when_it_is_missing_or_not_whole()
    {
        await LoadAsync("one", 100_000, 300_000, 500_000);
        long total = (await InfoAsync()).UnpackedBytes;
        string[] sizes = [.. Layers().Select(layer => layer + "/size")];
        Assert.Equal(3, sizes.Length);
        await CloseAsync();
        File.Delete(sizes[0]);
        File.WriteAllText(sizes[1], "12");
        // Whether a whole one is believed shows in one that is wrong.
        long third = long.Parse(File.ReadAllText(sizes[2]));
        File.WriteAllText(sizes[2], "7\n");

        await OpenAsync();
        Assert.Equal(total - third + 7, (await InfoAsync()).UnpackedBytes);
        Assert.Equal(total - third + 7, sizes.Sum(size => long.Parse(File.ReadAllText(size))));
    }

    [Fact]
    public async Task What_a_container_still_needs_is_freed_with_the_container()
    {
        ImageRecord image = await LoadAsync("one", 300_000);
        await Images.PrepareAsync("c1", image, CancellationToken.None);
        ImageFsInfo before = await InfoAsync();
        await Images.RemoveImageAsync("one", CancellationToken.None);
        ImageFsInfo between = await InfoAsync();
        Assert.Equal((before.UnpackedBytes, 0, before.ContentBytes), (between.UnpackedBytes, between.ContentBytes, between.FreedBytes));
        await Images.RemoveAsync("c1", CancellationToken.None);
        ImageFsInfo after = await InfoAsync();
        Assert.Equal((0, before.ContentBytes + before.UnpackedBytes), (after.UnpackedBytes, after.FreedBytes));
    }

    [Fact]
    public async Task What_containers_write_is_counted_beside_their_images()
    {
        ImageRecord image = await LoadAsync("one", 1000);
        await Images.PrepareAsync("c1", image, CancellationToken.None);
        await Images.PrepareAsync("c2", image, CancellationToken.None);
        ImageFsInfo before = await InfoAsync();
        long empty = await Images.WrittenBytesAsync(CancellationToken.None);
        File.WriteAllText(Images.WritableFolder("c1") + "/file", new string('x', 300_000));
        Assert.InRange(await Images.WrittenBytesAsync(CancellationToken.None) - empty, 300_000, 320_000);
        Assert.Equal(before.UnpackedBytes, (await InfoAsync()).UnpackedBytes);
    }

    [Fact]
    public async Task Pinned_is_who_has_a_name_that_fits_whatever_else_it_is_called()
    {
        await CloseAsync();
        await OpenAsync("acme/*", "web");
        await LoadAsync("web", 1000);
        await LoadAsync("web:2", 2000);
        await LoadAsync("other", 3000);
        Assert.Equal(["docker.io/library/web:latest"], await PinnedAsync());
        await LoadAsync("acme/other", 3000);
        Assert.Equal(["docker.io/acme/other:latest", "docker.io/library/other:latest", "docker.io/library/web:latest"], await PinnedAsync());
        await Images.RemoveImageAsync("acme/other", CancellationToken.None);
        Assert.Equal(["docker.io/library/web:latest"], await PinnedAsync());
    }

    private async Task OpenAsync(params string[] pinned) =>
        _images = await ImageService.OpenAsync(Paths, TimeProvider.System, NullLogger<ImageService>.Instance, pinned: PinnedNames.Of(pinned));

    private async Task CloseAsync()
    {
        await Images.DisposeAsync();
        _images = null;
    }

    /// <param name="sizes">A layer with one file for each; equal sizes make equal layers.</param>
    private async Task<ImageRecord> LoadAsync(string name, params int[] sizes)
    {
        string archive = _folder["image.tar"];
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build(name, [.. sizes.Select(size => new TarBuilder().File($"file{size}", new string('x', size)).Build())]));
        return Assert.Single(await Images.LoadAsync(archive, null, CancellationToken.None));
    }

    private Task<ImageFsInfo> InfoAsync() => Images.ImageFsInfoAsync(CancellationToken.None);

    private async Task<IEnumerable<string>> PinnedAsync() =>
        (await Images.ListImagesAsync(CancellationToken.None)).Where(image => image.Pinned).SelectMany(image => image.Names).Order(StringComparer.Ordinal);

    private IEnumerable<string> Layers() => Directory.EnumerateDirectories(Paths.Snapshots + "/layers").Where(folder => !folder.EndsWith("/empty", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static long Du(string layer) => long.Parse(Tool.Run("du", "-s", "--block-size=1", layer + "/fs").Split('\t')[0]);
}
