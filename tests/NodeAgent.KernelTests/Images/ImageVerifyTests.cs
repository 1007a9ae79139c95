using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Damage on the disk: it is found, it hurts nobody who runs, and it heals.</summary>
public sealed class ImageVerifyTests : ImageLibraryFixture
{
    private async Task<ImageFinding> FindAsync() => Assert.Single((await Images.VerifyAsync(None)).Findings);

    private async Task AssertWholeAsync()
    {
        Assert.Empty((await Images.VerifyAsync(None)).Findings);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "damaged")));
    }

    [Fact(DisplayName = "a whole store has no findings, and all of it was read")]
    public async Task Whole()
    {
        await LoadAsync("web", "a", "b");
        await LoadAsync("db", "a", "c");

        ImageVerification verification = await Images.VerifyAsync(None);

        Assert.Empty(verification.Findings);
        string[] blobs = Directory.GetFiles(Path.Combine(Paths.Content, "blobs"), "*", SearchOption.AllDirectories);
        Assert.Equal((2, 7, 7), (verification.Images, verification.Blobs, blobs.Length));
        Assert.Equal(blobs.Sum(blob => new FileInfo(blob).Length), verification.Bytes);
    }

    [Fact(DisplayName = "an empty store is whole")]
    public async Task Empty() => Assert.Equal((0, 0), await Images.VerifyAsync(None) switch { var seen => (seen.Images, seen.Findings.Count) });

    [Fact(DisplayName = "a flipped bit in a layer is found, and loading the image again brings the layer anew")]
    public async Task DamagedLayer()
    {
        ImageRecord web = await LoadAsync("web", "a", "b");
        await LoadAsync("db", "a", "c");
        string shared = LayerBlobs(web)[0];
        byte[] good = File.ReadAllBytes(BlobPath(shared));
        Flip(BlobPath(shared));

        ImageFinding finding = await FindAsync();

        Assert.Equal((ImageFault.Damaged, shared), (finding.Fault, finding.Digest));
        Assert.Equal(["docker.io/library/db:latest", "docker.io/library/web:latest"], finding.Images);
        Assert.Contains("its content has digest sha256:", finding.Problem, StringComparison.Ordinal);
        Assert.Contains("load the image again", finding.Remedy, StringComparison.Ordinal);
        Assert.False(File.Exists(BlobPath(shared)));
        Assert.Equal((ImageFault.Missing, shared), await FindAsync() switch { var missing => (missing.Fault, missing.Digest) });

        await LoadAsync("web", "a", "b");

        Assert.Equal(good, File.ReadAllBytes(BlobPath(shared)));
        await AssertWholeAsync();
    }

    [Fact(DisplayName = "what was set aside outlives a restart and goes with its image")]
    public async Task SetAsideGoes()
    {
        ImageRecord web = await LoadAsync("web", "a");
        Flip(BlobPath(LayerBlobs(web)[0]));
        await FindAsync();
        await ReopenAsync();
        Assert.Single(Directory.EnumerateFiles(Path.Combine(Paths.Content, "damaged")));
        Assert.NotNull(await Images.ImageStatusAsync("web", None));

        await Images.RemoveImageAsync("web", None);

        await AssertWholeAsync();
    }

    [Fact(DisplayName = "containers and new ones of a damaged image go on, for they stand on unpacked layers")]
    public async Task ContainersGoOn()
    {
        ImageRecord web = await LoadAsync("web", "a", "b");
        Mount before = await Images.PrepareAsync("c1", web, None);
        Flip(BlobPath(LayerBlobs(web)[0]));
        await FindAsync();

        Assert.Equal(before.Options, (await Images.PrepareAsync("c1", web, None)).Options);
        string top = (await Images.PrepareAsync("c2", web, None)).Options.First(option => option.Key == "lowerdir").Value!;
        Assert.Equal("b", File.ReadAllText(top + "/b"));
    }

    [Theory(DisplayName = "a damaged document is found and written anew from memory, so that the image outlives a restart")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task DamagedDocument(bool manifest)
    {
        ImageRecord web = await LoadAsync("web", "a");
        string digest = manifest ? web.Digest : web.Id;
        Flip(BlobPath(digest));

        ImageFinding finding = await FindAsync();

        Assert.Equal((ImageFault.Damaged, digest, "it was written anew from memory"), (finding.Fault, finding.Digest, finding.Remedy));
        await AssertWholeAsync();
        await ReopenAsync();
        Assert.Equal(web.Id, (await Images.ImageStatusAsync("web", None))?.Id);
    }

    [Fact(DisplayName = "a document that was damaged before the agent started is found, and loading heals the image")]
    public async Task DamagedBeforeStart()
    {
        ImageRecord web = await LoadAsync("web", "a");
        Flip(BlobPath(web.Digest));
        await ReopenAsync();
        Assert.Null(await Images.ImageStatusAsync("web", None));

        ImageFinding finding = await FindAsync();

        Assert.Equal((ImageFault.Damaged, web.Digest, "docker.io/library/web:latest"), (finding.Fault, finding.Digest, Assert.Single(finding.Images)));
        await LoadAsync("web", "a");
        Assert.Equal(web.Id, (await Images.ImageStatusAsync("web", None))?.Id);
        await AssertWholeAsync();
    }

    [Fact(DisplayName = "a blob that is gone or cut short is found")]
    public async Task MissingAndShort()
    {
        ImageRecord web = await LoadAsync("web", "a", "b");
        IReadOnlyList<string> layers = LayerBlobs(web);
        File.Delete(BlobPath(layers[0]));
        File.WriteAllBytes(BlobPath(layers[1]), File.ReadAllBytes(BlobPath(layers[1]))[..^512]);

        IReadOnlyList<ImageFinding> findings = (await Images.VerifyAsync(None)).Findings;

        Assert.Equal([(ImageFault.Missing, layers[0]), (ImageFault.Damaged, layers[1])], findings.Select(finding => (finding.Fault, finding.Digest!)));
        await LoadAsync("web", "a", "b");
        await AssertWholeAsync();
    }

    [Fact(DisplayName = "a blob that no image needs is checked, too")]
    public async Task Unneeded()
    {
        await LoadAsync("web", "a");
        string stray = "sha256:" + new string('7', 64);
        File.WriteAllText(BlobPath(stray), "rubbish");

        ImageFinding finding = await FindAsync();

        Assert.Equal((ImageFault.Damaged, stray, 0), (finding.Fault, finding.Digest, finding.Images.Count));
        await LoadAsync("db", "b");
        await AssertWholeAsync();
    }

    [Theory(DisplayName = "index.json and oci-layout are written anew when they are not what the agent wrote")]
    [InlineData("index.json", "{")]
    [InlineData("index.json", """{"schemaVersion":2,"manifests":[]}""")]
    [InlineData("index.json", null)]
    [InlineData("oci-layout", """{"imageLayoutVersion":"9"}""")]
    [InlineData("oci-layout", null)]
    public async Task Layout(string file, string? content)
    {
        ImageRecord web = await LoadAsync("web", "a");
        string path = Path.Combine(Paths.Content, file);
        File.Delete(path);
        if (content is not null)
            File.WriteAllText(path, content);

        Assert.Equal(ImageFault.Layout, (await FindAsync()).Fault);

        await AssertWholeAsync();
        await ReopenAsync();
        Assert.Equal(web.Id, (await Images.ImageStatusAsync("web", None))?.Id);
    }

    [Fact(DisplayName = "a store that is loaded and emptied while it is verified has no findings")]
    public async Task Meanwhile()
    {
        await LoadAsync("keep", "a", "b");
        string[] archives = [.. Enumerable.Range(0, 4).Select(i => MakeArchive($"x{i}", $"y{i}"))];
        using CancellationTokenSource stop = new();
        Task churn = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                await Images.LoadAsync(archives[i % archives.Length], "churn", None);
                if (i % 3 == 0)
                    await Images.RemoveImageAsync("churn", None);
            }
        });

        for (int i = 0; i < 60; i++)
            Assert.Empty((await Images.VerifyAsync(None)).Findings);

        await stop.CancelAsync();
        await churn;
    }

    [Fact(DisplayName = "a verification can be cancelled")]
    public async Task Cancelled()
    {
        await LoadAsync("web", "a");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Images.VerifyAsync(new CancellationToken(canceled: true)));
    }

    [Fact(DisplayName = "a layer that turns out damaged when it has to be unpacked again makes room for a good one")]
    public async Task DamagedWhenUnpacked()
    {
        ImageRecord web = await LoadBusyboxAsync("web");
        string blob = LayerBlobs(web)[0];
        Flip(BlobPath(blob));
        await Images.DisposeAsync();
        foreach (string layer in Directory.EnumerateDirectories(Path.Combine(Paths.Snapshots, "layers")).Where(layer => !layer.EndsWith("empty", StringComparison.Ordinal)))
            Directory.Delete(layer, recursive: true);
        await OpenAsync();
        ImageRecord again = (await Images.ImageStatusAsync("web", None))!;

        await Assert.ThrowsAsync<ImageException>(() => Images.PrepareAsync("c", again, None));

        Assert.False(File.Exists(BlobPath(blob)));
        await Images.LoadAsync(Folder["busybox.tar"], "web", None);
        Mount mount = await Images.PrepareAsync("c", again, None);
        Assert.Contains(mount.Options, option => option.Key == "lowerdir" && File.Exists(option.Value + "/bin/busybox"));
        await AssertWholeAsync();
    }
}
