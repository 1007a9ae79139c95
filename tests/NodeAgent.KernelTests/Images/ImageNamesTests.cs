using System.Collections.Immutable;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Names and ids: what they mean, how they are given and taken away.</summary>
public sealed class ImageNamesTests : ImageLibraryFixture
{
    private static readonly ImmutableDictionary<string, ImmutableArray<string>> Nobody = ImmutableDictionary<string, ImmutableArray<string>>.Empty;

    private static ImmutableDictionary<string, ImmutableArray<string>> UsedBy(ImageRecord image, params string[] pods) => Nobody.Add(image.Id, [.. pods]);

    private async Task<string[]> NamesAsync() => [.. (await Images.ListImagesAsync(None)).SelectMany(image => image.Names).Order(StringComparer.Ordinal)];

    [Fact(DisplayName = "the first four digits of an id mean the image, fewer mean nothing, and a name that reads like them comes first")]
    public async Task Digits()
    {
        ImageRecord web = await LoadAsync("web", "a");
        string hex = web.Id["sha256:".Length..];

        foreach (string reference in new[] { hex[..4], hex[..12], hex, "sha256:" + hex[..4], web.Id, "web", $"web@{web.Digest}" })
            Assert.Equal(web.Id, (await Images.FindAsync(reference, None))?.Id);
        Assert.Null(await Images.FindAsync(hex[..3], None));
        Assert.Null(await Images.FindAsync(hex[..8] + (hex[8] == '0' ? '1' : '0'), None));
        Assert.Null(await Images.ImageStatusAsync(hex[..12], None));

        ImageRecord named = await LoadAsync(hex[..12], "b");
        Assert.Equal(named.Id, (await Images.FindAsync(hex[..12], None))?.Id);
        Assert.Equal(ImageFailure.InvalidImageName, (await Assert.ThrowsAsync<ImageException>(async () => await Images.FindAsync("Web", None))).Failure);
    }

    [Fact(DisplayName = "digits that fit two images are refused with both, by every verb")]
    public async Task Ambiguous()
    {
        (string first, string second, string digits) = FindAlike();
        await Images.LoadAsync(MakeEmptyImage(first), "first", None);
        await Images.LoadAsync(MakeEmptyImage(second), "second", None);

        foreach (Func<Task> verb in new Func<Task>[]
        {
            async () => await Images.FindAsync(digits, None),
            () => Images.RemoveAsync(digits, Nobody, None),
            () => Images.TagAsync(digits, ["x"], None),
            () => Images.SaveAsync([digits], ImageArchiveFormat.OciArchive, Stream.Null, None),
        })
        {
            ImageRefusedException refused = await Assert.ThrowsAsync<ImageRefusedException>(verb);
            Assert.Equal(ImageRefusal.Ambiguous, refused.Refusal);
            Assert.Contains("fits 2 images: sha256:" + digits, refused.Message, StringComparison.Ordinal);
        }
    }

    private static string Configuration(int number) =>
        $$$"""{"architecture":"amd64","os":"linux","author":"{{{number}}}","rootfs":{"type":"layers","diff_ids":[]}}""";

    /// <summary>Two configurations whose digests begin with the same four digits: of some hundred, two do.</summary>
    private static (string First, string Second, string Digits) FindAlike()
    {
        Dictionary<string, string> seen = [];
        for (int i = 0; ; i++)
        {
            string configuration = Configuration(i);
            string digits = Digest.OfSha256(Encoding.UTF8.GetBytes(configuration)).Hex[..4];
            if (!seen.TryAdd(digits, configuration))
                return (seen[digits], configuration, digits);
        }
    }

    private string MakeEmptyImage(string configuration)
    {
        string folder = Directory.CreateDirectory(Folder[$"image-{Guid.NewGuid():n}"]).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), configuration);
        File.WriteAllText(Path.Combine(folder, "manifest.json"), """[{"Config":"config.json","RepoTags":[],"Layers":[]}]""");
        return folder;
    }

    [Fact(DisplayName = "a tag adds names, moves those of others, and survives a restart")]
    public async Task Tags()
    {
        ImageRecord web = await LoadAsync("web", "a");
        ImageRecord db = await LoadAsync("db:1", "b");
        await Images.TagAsync("db:1", ["db:2"], None);

        ImageRecord tagged = await Images.TagAsync(web.Id["sha256:".Length..][..12], ["db:2", "localhost/web", "localhost/web:latest"], None);

        Assert.Equal(["docker.io/library/db:2", "docker.io/library/web:latest", "localhost/web:latest"], tagged.Names);
        await ReopenAsync();
        Assert.Equal(web.Id, (await Images.FindAsync("db:2", None))?.Id);
        Assert.Equal(["docker.io/library/db:1"], (await Images.FindAsync(db.Id, None))?.Names);
        Assert.Equal(web.LoadedAt, (await Images.FindAsync("web", None))?.LoadedAt);
        Assert.Empty((await Images.VerifyAsync(None)).Findings);
    }

    [Fact(DisplayName = "a tag is refused where there is no image, and where the name has a digest; nothing changes")]
    public async Task TagRefused()
    {
        ImageRecord web = await LoadAsync("web", "a");

        Assert.Equal(ImageRefusal.NotFound, (await Assert.ThrowsAsync<ImageRefusedException>(() => Images.TagAsync("none", ["x"], None))).Refusal);
        Assert.Equal(ImageRefusal.Invalid, (await Assert.ThrowsAsync<ImageRefusedException>(() => Images.TagAsync("web", ["x", $"y@{web.Digest}"], None))).Refusal);
        await Assert.ThrowsAsync<ImageException>(() => Images.TagAsync("web", ["x", "Y"], None));
        Assert.Equal(["docker.io/library/web:latest"], await NamesAsync());
    }

    [Fact(DisplayName = "an image in use keeps its last name, by whatever it is called, and goes by force")]
    public async Task InUse()
    {
        ImageRecord web = await LoadAsync("web:1", "a");
        await Images.TagAsync("web:1", ["web:2"], None);
        await LoadAsync("db", "b");
        ImmutableDictionary<string, ImmutableArray<string>> users = UsedBy(web, "default/site", "kube-system/dns");

        foreach (string all in new[] { web.Id, web.Id["sha256:".Length..][..8], $"web@{web.Digest}" })
            Assert.Equal(ImageRefusal.InUse, (await Assert.ThrowsAsync<ImageRefusedException>(() => Images.RemoveAsync(all, users, None))).Refusal);
        Assert.True(await Images.RemoveAsync("web:1", users, None));
        ImageRefusedException refused = await Assert.ThrowsAsync<ImageRefusedException>(() => Images.RemoveAsync("web:2", users, None));
        Assert.Equal("image docker.io/library/web:2 is used by pods default/site, kube-system/dns; delete what uses it first, or remove it with --force", refused.Message);
        Assert.True(await Images.RemoveAsync("db", users, None));
        Assert.Equal(["docker.io/library/web:2"], await NamesAsync());

        Assert.True(await Images.RemoveAsync(web.Id["sha256:".Length..][..8], Nobody, None));
        Assert.Empty(await NamesAsync());
        Assert.False(await Images.RemoveAsync("web:2", Nobody, None));
    }

    [Fact(DisplayName = "an image that cannot be read any more can still be removed by its name")]
    public async Task Unreadable()
    {
        ImageRecord web = await LoadAsync("web", "a");
        Flip(BlobPath(web.Digest));
        await ReopenAsync();
        Assert.Empty(await NamesAsync());

        Assert.True(await Images.RemoveAsync("web", Nobody, None));

        Assert.Empty((await Images.VerifyAsync(None)).Findings);
    }

    [Fact(DisplayName = "inspection tells names, digests, author, times and what each step made")]
    public async Task Inspects()
    {
        ImageRecord web = await LoadBusyboxAsync("localhost/team/web:1");
        await Images.TagAsync("localhost/team/web:1", ["localhost/team/web:2", "other"], None);

        ImageDetails details = (await Images.InspectAsync(web.Id[..19], None))!;

        Assert.Equal(["docker.io/library/other@" + web.Digest, "localhost/team/web@" + web.Digest], details.RepoDigests);
        Assert.Equal(web.DiffIds, details.Layers.Select(layer => layer.DiffId));
        Assert.Equal(LayerBlobs(web), details.Layers.Select(layer => layer.Digest));
        Assert.Equal(LayerBlobs(web), details.History.Where(step => step.Layer is not null).Select(step => step.Layer!));
        Assert.InRange(details.Created!.Value, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow);
        Assert.Equal(File.ReadAllBytes(BlobPath(web.Id)), details.Configuration.ToArray());
        Assert.Null(await Images.InspectAsync("none", None));
    }
}
