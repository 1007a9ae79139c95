using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>A store of a test's own, and the means to look into it and at what comes out of it with tools that are not ours.</summary>
public abstract class ImageLibraryFixture : IAsyncLifetime
{
    private ImageService? _images;

    protected static CancellationToken None => CancellationToken.None;

    protected TemporaryFolder Folder { get; } = new();

    protected StatePaths Paths => new(Folder["state"], Folder["run"], Folder["logs"], Folder["manifests"], "/sys/fs/cgroup");

    protected ImageService Images => _images!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected async Task OpenAsync() => _images = await ImageService.OpenAsync(Paths, TimeProvider.System, NullLogger<ImageService>.Instance);

    protected async Task ReopenAsync()
    {
        await Images.DisposeAsync();
        await OpenAsync();
    }

    /// <summary>Archive of an image of one layer per marker, each with a file of that name.</summary>
    protected string MakeArchive(params string[] markers)
    {
        string path = Folder[$"{string.Join('-', markers)}.tar"];
        File.WriteAllBytes(path, DockerArchiveBuilder.Build(null, [.. markers.Select(marker => new TarBuilder().File(marker, marker).Build())]));
        return path;
    }

    protected async Task<ImageRecord> LoadAsync(string name, params string[] markers) =>
        Assert.Single(await Images.LoadAsync(MakeArchive(markers), name, None));

    /// <summary>The busybox image of two gzip layers, made and packed by other tools.</summary>
    protected async Task<ImageRecord> LoadBusyboxAsync(string name, params string[] copyOptions)
    {
        BusyboxImage.Require();
        string layout = BusyboxImage.MakeLayout(Folder);
        string archive = Folder["busybox.tar"];
        Tool.Run("skopeo", ["copy", "-q", .. copyOptions, $"oci:{layout}:{BusyboxImage.Tag}", $"oci-archive:{archive}:{name}"]);
        return Assert.Single(await Images.LoadAsync(archive, name, None));
    }

    protected string BlobPath(string digest) => LayoutFile.Blob(Paths.Content, digest);

    /// <summary>Digests of the blobs of the image's layers, lowest first.</summary>
    protected IReadOnlyList<string> LayerBlobs(ImageRecord image) =>
        [.. JsonNode.Parse(File.ReadAllBytes(BlobPath(image.Digest)))!["layers"]!.AsArray().Select(layer => (string)layer!["digest"]!)];

    /// <summary>Turns one bit in the middle of a file.</summary>
    protected static void Flip(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        content[content.Length / 2] ^= 1;
        File.WriteAllBytes(path, content);
    }

    protected async Task<string> SaveAsync(string file, ImageArchiveFormat format, params string[] references)
    {
        string path = Folder[file];
        await using FileStream output = File.Create(path);
        await Images.SaveAsync(references, format, output, None);
        return path;
    }
}
