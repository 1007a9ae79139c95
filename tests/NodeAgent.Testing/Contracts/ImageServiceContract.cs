using NodeAgent.Core.Cri;
using Xunit;

namespace NodeAgent.Testing.Contracts;

/// <summary>What everybody who takes images from <see cref="IImageService"/> and <see cref="ISnapshotter"/> relies on.</summary>
public abstract class ImageServiceContract
{
    private static CancellationToken None => CancellationToken.None;

    /// <summary>The service under test, empty; one object behind both interfaces or two.</summary>
    protected abstract IImageService Images { get; }

    protected abstract ISnapshotter Snapshots { get; }

    /// <summary>Path of an archive with one image, whose identity follows from the marker.</summary>
    /// <param name="name">In the archive; null for none.</param>
    protected abstract string MakeArchive(string marker, string? name);

    private async Task<ImageRecord> LoadAsync(string marker, string name) => Assert.Single(await Images.LoadAsync(MakeArchive(marker, null), name, None));

    [Fact]
    public async Task An_empty_node_has_no_image_and_no_snapshot()
    {
        Assert.Empty(await Images.ListImagesAsync(None));
        Assert.Null(await Images.ImageStatusAsync("busybox", None));
        Assert.Empty(await Snapshots.ListAsync(None));
    }

    [Fact]
    public async Task A_loaded_image_is_found_by_every_way_to_name_it()
    {
        ImageRecord image = await LoadAsync("a", "web:1");

        Assert.Equal(["docker.io/library/web:1"], image.Names);
        foreach (string reference in new[] { "web:1", "library/web:1", "docker.io/library/web:1", $"web@{image.Digest}", $"web:any@{image.Digest}", image.Id, image.Id["sha256:".Length..] })
            Assert.Equal(image.Id, (await Images.ImageStatusAsync(reference, None))?.Id);
        foreach (string reference in new[] { "web", "web:2", "other/web:1", $"other@{image.Digest}", "sha256:" + new string('0', 64) })
            Assert.Null(await Images.ImageStatusAsync(reference, None));
    }

    [Fact]
    public async Task The_name_of_the_archive_counts_when_none_is_given()
    {
        ImageRecord image = Assert.Single(await Images.LoadAsync(MakeArchive("a", "localhost/web:7"), null, None));

        Assert.Equal(["localhost/web:7"], image.Names);
    }

    [Fact]
    public async Task A_given_name_counts_in_place_of_the_one_in_the_archive()
    {
        ImageRecord image = Assert.Single(await Images.LoadAsync(MakeArchive("a", "localhost/web:7"), "mine", None));

        Assert.Equal(["docker.io/library/mine:latest"], image.Names);
    }

    [Fact]
    public async Task An_image_without_any_name_is_refused()
    {
        await Assert.ThrowsAsync<ImageException>(() => Images.LoadAsync(MakeArchive("a", null), null, None));

        Assert.Empty(await Images.ListImagesAsync(None));
    }

    [Fact]
    public async Task An_archive_that_is_not_there_is_named_in_the_refusal()
    {
        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => Images.LoadAsync("/nowhere/image.tar", "web", None));

        Assert.Equal(ImageFailure.ErrImagePull, refused.Failure);
        Assert.Contains("/nowhere/image.tar", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_are_listed_by_name_each_once()
    {
        await LoadAsync("b", "web:2");
        await LoadAsync("a", "web:1");
        await LoadAsync("b", "also:2");

        IReadOnlyList<ImageRecord> images = await Images.ListImagesAsync(None);

        Assert.Equal(["docker.io/library/also:2 docker.io/library/web:2", "docker.io/library/web:1"], images.Select(image => string.Join(' ', image.Names)));
    }

    [Fact]
    public async Task Loading_the_same_again_changes_nothing()
    {
        ImageRecord first = await LoadAsync("a", "web");
        ImageRecord second = await LoadAsync("a", "web");

        Assert.Equal((first.Id, first.Digest), (second.Id, second.Digest));
        Assert.Single(await Images.ListImagesAsync(None));
    }

    [Fact]
    public async Task A_name_goes_over_to_the_image_that_is_loaded_under_it_last()
    {
        ImageRecord old = await LoadAsync("a", "web");
        ImageRecord young = await LoadAsync("b", "web");

        Assert.NotEqual(old.Id, young.Id);
        Assert.Equal(young.Id, (await Images.ImageStatusAsync("web", None))?.Id);
        Assert.Null(await Images.ImageStatusAsync(old.Id, None));
    }

    [Fact]
    public async Task Removing_a_name_keeps_the_image_until_its_last_name()
    {
        ImageRecord image = await LoadAsync("a", "one");
        await LoadAsync("a", "two");

        Assert.True(await Images.RemoveImageAsync("one", None));
        Assert.Null(await Images.ImageStatusAsync("one", None));
        Assert.Equal(["docker.io/library/two:latest"], (await Images.ImageStatusAsync(image.Id, None))?.Names);
        Assert.True(await Images.RemoveImageAsync("two", None));
        Assert.Null(await Images.ImageStatusAsync(image.Id, None));
        Assert.Empty(await Images.ListImagesAsync(None));
    }

    [Fact]
    public async Task Removing_an_id_takes_all_names()
    {
        ImageRecord image = await LoadAsync("a", "one");
        await LoadAsync("a", "two");

        Assert.True(await Images.RemoveImageAsync(image.Id, None));
        Assert.Empty(await Images.ListImagesAsync(None));
    }

    [Fact]
    public async Task Removing_by_digest_takes_the_names_of_that_repository()
    {
        ImageRecord image = await LoadAsync("a", "one:1");
        await LoadAsync("a", "one:2");
        await LoadAsync("a", "two:1");

        Assert.True(await Images.RemoveImageAsync($"one@{image.Digest}", None));
        Assert.Equal(["docker.io/library/two:1"], Assert.Single(await Images.ListImagesAsync(None)).Names);
    }

    [Fact]
    public async Task What_a_removal_gives_back_is_missing_from_the_sizes_and_counted()
    {
        ImageFsInfo empty = await Images.ImageFsInfoAsync(None);
        ImageRecord image = await LoadAsync("a", "one");
        await LoadAsync("a", "two");
        ImageFsInfo full = await Images.ImageFsInfoAsync(None);
        Assert.True(full.ContentBytes - empty.ContentBytes >= image.SizeBytes);
        Assert.True(full.UnpackedBytes > empty.UnpackedBytes);
        Assert.Equal(full.UnpackedBytes, full.Unpacked[image.Id]);

        await Images.RemoveImageAsync("one", None);
        Assert.Equal((full.ContentBytes, full.FreedBytes), (await Images.ImageFsInfoAsync(None) is var shared ? (shared.ContentBytes, shared.FreedBytes) : default));
        await Images.RemoveImageAsync("two", None);
        ImageFsInfo after = await Images.ImageFsInfoAsync(None);
        Assert.Equal((empty.ContentBytes, empty.UnpackedBytes), (after.ContentBytes, after.UnpackedBytes));
        Assert.Equal(full.ContentBytes - empty.ContentBytes + full.UnpackedBytes - empty.UnpackedBytes, after.FreedBytes - full.FreedBytes);
        Assert.Empty(after.Unpacked);
    }

    [Fact]
    public async Task Removing_what_is_not_there_is_no_error()
    {
        Assert.False(await Images.RemoveImageAsync("web", None));
        Assert.False(await Images.RemoveImageAsync("sha256:" + new string('0', 64), None));
    }

    [Fact]
    public async Task A_name_that_is_none_is_refused_by_every_verb()
    {
        string archive = MakeArchive("a", null);
        List<ImageException> refused =
        [
            await Assert.ThrowsAsync<ImageException>(async () => await Images.ImageStatusAsync("Not a name", None)),
            await Assert.ThrowsAsync<ImageException>(() => Images.PullImageAsync("Not a name", None)),
            await Assert.ThrowsAsync<ImageException>(() => Images.RemoveImageAsync("Not a name", None)),
            await Assert.ThrowsAsync<ImageException>(() => Images.LoadAsync(archive, "Not a name", None)),
        ];

        Assert.All(refused, exception => Assert.Equal(ImageFailure.InvalidImageName, exception.Failure));
    }

    [Fact]
    public async Task Pulling_from_a_registry_that_is_not_there_says_which_image_and_that_it_may_be_tried_again()
    {
        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => Images.PullImageAsync("localhost:1/never:1", None));

        Assert.Equal(ImageFailure.RegistryUnavailable, refused.Failure);
        Assert.Contains("localhost:1/never:1", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_that_fails_leaves_what_is_here()
    {
        ImageRecord image = await LoadAsync("a", "localhost:1/web:1");

        await Assert.ThrowsAsync<ImageException>(() => Images.PullImageAsync("localhost:1/web:1", None));

        Assert.Equal(image.Id, (await Images.ImageStatusAsync("localhost:1/web:1", None))?.Id);
    }

    [Fact]
    public async Task The_same_key_gives_the_same_snapshot_and_another_key_another()
    {
        ImageRecord image = await LoadAsync("a", "web");

        Mount first = await Snapshots.PrepareAsync("one", image, None);
        Mount again = await Snapshots.PrepareAsync("one", image, None);
        Mount other = await Snapshots.PrepareAsync("two", image, None);

        Assert.Equal(first.Options, again.Options);
        Assert.NotEqual(Option(first, "upperdir"), Option(other, "upperdir"));
        Assert.Equal(Option(first, "lowerdir"), Option(other, "lowerdir"));
        Assert.Equal(["one", "two"], await Snapshots.ListAsync(None));
    }

    [Fact]
    public async Task What_snapshots_take_goes_with_them()
    {
        Assert.Equal(0, await Snapshots.WrittenBytesAsync(None));
        ImageRecord image = await LoadAsync("a", "web");
        await Snapshots.PrepareAsync("one", image, None);
        long one = await Snapshots.WrittenBytesAsync(None);
        await Snapshots.PrepareAsync("two", image, None);
        Assert.Equal(2 * one, await Snapshots.WrittenBytesAsync(None));
        await Snapshots.RemoveAsync("one", None);
        Assert.Equal(one, await Snapshots.WrittenBytesAsync(None));
    }

    private static string? Option(Mount mount, string key) => mount.Options.First(option => option.Key == key).Value;

    [Fact]
    public async Task A_snapshot_is_an_overlay_with_its_layers_first_and_a_place_to_write()
    {
        ImageRecord image = await LoadAsync("a", "web");

        Mount mount = await Snapshots.PrepareAsync("one", image, None);

        Assert.Equal("overlay", mount.Type);
        Assert.Equal([.. Enumerable.Repeat("lowerdir", image.DiffIds.Count), "upperdir", "workdir"], mount.Options.Select(option => option.Key));
    }

    [Fact]
    public async Task A_removed_snapshot_is_gone_and_its_key_is_free()
    {
        ImageRecord image = await LoadAsync("a", "web");
        await Snapshots.PrepareAsync("one", image, None);

        await Snapshots.RemoveAsync("one", None);
        await Snapshots.RemoveAsync("one", None);
        Assert.Empty(await Snapshots.ListAsync(None));

        await Snapshots.PrepareAsync("one", image, None);
        Assert.Equal(["one"], await Snapshots.ListAsync(None));
    }

    [Fact]
    public async Task A_snapshot_outlives_the_name_of_its_image()
    {
        ImageRecord image = await LoadAsync("a", "web");
        Mount mount = await Snapshots.PrepareAsync("one", image, None);

        await Images.RemoveImageAsync("web", None);

        Assert.Equal(mount.Options, (await Snapshots.PrepareAsync("one", image, None)).Options);
        Assert.Equal(["one"], await Snapshots.ListAsync(None));
    }
}
