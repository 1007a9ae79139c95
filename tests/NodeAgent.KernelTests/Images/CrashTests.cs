using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>
/// Loads cut short. A copy of the disk taken in the middle is what SIGKILL at that moment leaves; opening it must give a whole store, with the image
/// or without it.
/// </summary>
public sealed class CrashTests : IDisposable
{
    private static readonly string[] Points =
    [
        "Content.Ingest.AfterWrite", "Content.Ingest.AfterRename", "Layers.Commit.BeforeRename", "Layers.Commit.AfterRename",
        "Content.Index.BeforeRename", "Content.Index.AfterRename",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly string _archive;

    public CrashTests()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        _archive = _folder["image.tar"];
        File.WriteAllBytes(_archive, MakeArchive("first"));
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] MakeArchive(string marker) => DockerArchiveBuilder.Build(
        "web:1", new TarBuilder().Directory("d/").File("d/base", new string('x', 300_000)).Build(), new TarBuilder().File("d/" + marker).File("d/.wh.base").Build());

    private StatePaths PathsOf(string name) => new(_folder[name], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    private static Task<ImageService> OpenAsync(StatePaths paths, Action<string>? failpoint = null) =>
        ImageService.OpenAsync(paths, TimeProvider.System, NullLogger<ImageService>.Instance, failpoint);

    [Fact]
    public async Task Whatever_moment_the_agent_is_killed_at_the_store_is_whole_afterwards()
    {
        List<(string Point, string Copy)> copies = [];
        Lock gate = new();
        bool armed = false;

        void Copy(string point)
        {
            lock (gate)
            {
                if (!armed)
                    return;
                string copy = $"copy{copies.Count}";
                // Files that vanish meanwhile are those of the other layer's thread.
                Tool.Shell($"cp -a {_folder["state"]} {_folder[copy]} 2>/dev/null || true");
                copies.Add((point, copy));
            }
        }

        await using (ImageService images = await OpenAsync(PathsOf("state"), Copy))
        {
            armed = true;
            await images.LoadAsync(_archive, null, CancellationToken.None);
            armed = false;
        }

        Assert.Equal(Points.Order(), copies.Select(copy => copy.Point).Distinct().Order());
        foreach ((string point, string copy) in copies)
            await AssertWholeAsync(PathsOf(copy), point);
    }

    private async Task AssertWholeAsync(StatePaths paths, string point)
    {
        await using (ImageService images = await OpenAsync(paths))
        {
            IReadOnlyList<ImageRecord> list = await images.ListImagesAsync(CancellationToken.None);
            Assert.Equal(point == "Content.Index.AfterRename" ? 1 : 0, list.Count);
            AssertVerified(paths, images: list.Count);
            if (list.Count == 1)
                await AssertShowsImageAsync(images, list[0]);
            ImageRecord loaded = Assert.Single(await images.LoadAsync(_archive, null, CancellationToken.None));
            await AssertShowsImageAsync(images, loaded);
            AssertVerified(paths, images: 1);
        }
        await using ImageService again = await OpenAsync(paths);
        Assert.Single(await again.ListImagesAsync(CancellationToken.None));
    }

    private static async Task AssertShowsImageAsync(ImageService images, ImageRecord image)
    {
        Mount mount = await images.PrepareAsync("c", image, CancellationToken.None);
        string[] lower = [.. mount.Options.Where(option => option.Key == "lowerdir").Select(option => option.Value!)];
        Assert.Equal(300_000, new FileInfo(lower[1] + "/d/base").Length);
        Assert.Equal("character special file", Tool.Run("stat", "-c", "%F", lower[0] + "/d/base").Trim());
        await images.RemoveAsync("c", CancellationToken.None);
    }

    /// <summary>Every blob is what its name says, and there is nothing but what the images need.</summary>
    private static void AssertVerified(StatePaths paths, int images)
    {
        string[] blobs = [.. Directory.EnumerateFiles(Path.Combine(paths.Content, "blobs"), "*", SearchOption.AllDirectories)];
        foreach (string blob in blobs)
            Assert.Equal(Path.GetFileName(blob), Digest.OfSha256(File.ReadAllBytes(blob)).Hex);
        Assert.Equal(images * 4, blobs.Length);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(paths.Content, "ingest")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(paths.Snapshots, "tmp")));
        Assert.Equal((images * 2) + 1, Directory.EnumerateDirectories(Path.Combine(paths.Snapshots, "layers")).Count());
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(paths.Content, "index.json")));
        Assert.Equal(images, index.RootElement.GetProperty("manifests").GetArrayLength());
    }

    public static TheoryData<string> AllPoints => [.. Points];

    [Theory]
    [MemberData(nameof(AllPoints))]
    public async Task A_load_that_fails_in_the_middle_leaves_nothing_and_can_be_done_again(string point)
    {
        bool armed = false;
        StatePaths paths = PathsOf("state");
        await using ImageService images = await OpenAsync(paths, reached =>
        {
            if (armed && reached == point)
                throw new IOException("no space left on device");
        });

        armed = true;
        ImageException failed = await Assert.ThrowsAsync<ImageException>(() => images.LoadAsync(_archive, null, CancellationToken.None));
        armed = false;

        Assert.Contains("no space left on device", failed.Message, StringComparison.Ordinal);
        await images.WaitForDeletionsAsync(default);
        // Once the index has its name the image is there, whatever fails afterwards.
        AssertVerified(paths, images: point == "Content.Index.AfterRename" ? 1 : 0);
        Assert.Single(await images.LoadAsync(_archive, null, CancellationToken.None));
        AssertVerified(paths, images: 1);
    }

    [Theory]
    [InlineData("Content.Ingest.AfterRename")]
    [InlineData("Layers.Commit.BeforeRename")]
    [InlineData("Layers.Commit.AfterRename")]
    public async Task A_load_that_is_cancelled_leaves_nothing(string point)
    {
        using CancellationTokenSource cancel = new();
        StatePaths paths = PathsOf("state");
        await using ImageService images = await OpenAsync(paths, reached =>
        {
            if (reached == point)
                cancel.Cancel();
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => images.LoadAsync(_archive, null, cancel.Token));

        Assert.Empty(await images.ListImagesAsync(CancellationToken.None));
        Assert.Single(await images.LoadAsync(_archive, null, CancellationToken.None));
    }

    [Fact]
    public async Task A_name_moves_to_its_new_image_or_stays_with_the_old_one()
    {
        string second = _folder["second.tar"];
        File.WriteAllBytes(second, MakeArchive("second"));
        StatePaths paths = PathsOf("state");
        bool armed = false;
        await using ImageService images = await OpenAsync(paths, reached =>
        {
            if (armed && reached == "Content.Index.BeforeRename")
                throw new IOException("pulled the plug");
        });
        ImageRecord old = Assert.Single(await images.LoadAsync(_archive, null, CancellationToken.None));

        armed = true;
        await Assert.ThrowsAsync<ImageException>(() => images.LoadAsync(second, null, CancellationToken.None));
        armed = false;

        Assert.Equal(old.Id, (await images.ImageStatusAsync("web:1", CancellationToken.None))?.Id);
        AssertVerified(paths, images: 1);
        ImageRecord young = Assert.Single(await images.LoadAsync(second, null, CancellationToken.None));
        Assert.NotEqual(old.Id, young.Id);
        AssertVerified(paths, images: 1);
    }

    [Fact]
    public async Task Layers_that_were_not_synced_before_the_power_went_are_unpacked_again()
    {
        StatePaths paths = PathsOf("state");
        string[] layers;
        await using (ImageService images = await OpenAsync(paths))
        {
            await images.LoadAsync(_archive, null, CancellationToken.None);
            layers = [.. Directory.EnumerateDirectories(Path.Combine(paths.Snapshots, "layers")).Where(layer => !layer.EndsWith("empty", StringComparison.Ordinal))];
        }
        Assert.All(layers, layer => Assert.False(File.Exists(Path.Combine(layer, "unsynced")), "a store that was closed has synced its layers"));
        foreach (string layer in layers)
        {
            File.WriteAllText(Path.Combine(layer, "unsynced"), "another boot");
            Tool.Run("find", layer, "-path", "*/fs/*", "-type", "f", "-exec", "truncate", "-s", "0", "{}", "+");
        }

        await using ImageService reopened = await OpenAsync(paths);
        ImageRecord image = Assert.Single(await reopened.ListImagesAsync(CancellationToken.None));
        await AssertShowsImageAsync(reopened, image);
    }

    [Fact]
    public async Task Two_agents_on_one_store_are_refused_by_name()
    {
        await using ImageService first = await OpenAsync(PathsOf("state"));

        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => OpenAsync(PathsOf("state")));

        Assert.Contains($"is in use by another agent (pid {Environment.ProcessId})", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_that_cannot_be_read_is_reported_and_no_blob_is_swept()
    {
        StatePaths paths = PathsOf("state");
        await using (ImageService images = await OpenAsync(paths))
            await images.LoadAsync(_archive, null, CancellationToken.None);
        File.WriteAllText(Path.Combine(paths.Content, "index.json"), "{");

        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => OpenAsync(paths));

        Assert.Contains("index.json cannot be read", refused.Message, StringComparison.Ordinal);
        Assert.Equal(4, Directory.EnumerateFiles(Path.Combine(paths.Content, "blobs"), "*", SearchOption.AllDirectories).Count());
    }

    [Fact]
    public async Task An_image_whose_blob_was_damaged_on_disk_is_left_out_and_the_others_stay()
    {
        StatePaths paths = PathsOf("state");
        string second = _folder["second.tar"];
        File.WriteAllBytes(second, MakeArchive("second"));
        ImageRecord good;
        await using (ImageService images = await OpenAsync(paths))
        {
            good = Assert.Single(await images.LoadAsync(_archive, "good", CancellationToken.None));
            ImageRecord bad = Assert.Single(await images.LoadAsync(second, "bad", CancellationToken.None));
            File.WriteAllText(Path.Combine(paths.Content, "blobs/sha256", bad.Digest["sha256:".Length..]), "{}");
        }

        await using ImageService reopened = await OpenAsync(paths);

        Assert.Equal(good.Id, Assert.Single(await reopened.ListImagesAsync(CancellationToken.None)).Id);
        Assert.Null(await reopened.ImageStatusAsync("bad", CancellationToken.None));
        Assert.Single(await reopened.LoadAsync(second, "bad", CancellationToken.None));
        Assert.NotNull(await reopened.ImageStatusAsync("bad", CancellationToken.None));
    }
}
