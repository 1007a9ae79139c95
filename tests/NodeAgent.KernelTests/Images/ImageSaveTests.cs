using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Saved archives, read by the tools that people take them to.</summary>
public sealed class ImageSaveTests : ImageLibraryFixture
{
    [Fact(DisplayName = "skopeo reads a saved oci-archive, umoci unpacks it, and we load it with all its digests")]
    public async Task OciArchive()
    {
        ImageRecord web = await LoadBusyboxAsync("localhost/team/web:1");

        string archive = await SaveAsync("saved.tar", ImageArchiveFormat.OciArchive, "localhost/team/web:1");

        JsonNode seen = JsonNode.Parse(Tool.Run("skopeo", "inspect", $"oci-archive:{archive}"))!;
        Assert.Equal((web.Digest, 2), ((string)seen["Digest"]!, seen["Layers"]!.AsArray().Count));
        Tool.Run("skopeo", "inspect", $"oci-archive:{archive}:localhost/team/web:1");
        string layout = Directory.CreateDirectory(Folder["layout"]).FullName;
        Tool.Run("tar", "-C", layout, "-xf", archive);
        Tool.Run("skopeo", "copy", "-q", $"oci:{layout}:localhost/team/web:1", $"oci:{Folder["plain"]}:1");
        Tool.Run("umoci", "unpack", "--image", Folder["plain"] + ":1", Folder["bundle"]);
        Assert.Equal("two\n", File.ReadAllText(Folder["bundle"] + "/rootfs/etc/added"));

        await Images.RemoveImageAsync(web.Id, None);
        ImageRecord back = Assert.Single(await Images.LoadAsync(archive, null, None));
        Assert.Equal((web.Id, web.Digest, "localhost/team/web:1"), (back.Id, back.Digest, Assert.Single(back.Names)));
    }

    [Theory(DisplayName = "skopeo and we read a saved docker-archive, whose layers are unpacked, and the image keeps its id")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task DockerArchive(string compression)
    {
        ImageRecord web = await LoadBusyboxAsync("localhost/team/web:1", "--dest-compress-format", compression);
        Assert.EndsWith(compression, (await Images.InspectAsync("localhost/team/web:1", None))!.Layers[0].MediaType, StringComparison.Ordinal);

        string archive = await SaveAsync("saved.tar", ImageArchiveFormat.DockerArchive, "localhost/team/web:1");

        Tool.Run("skopeo", "copy", "-q", $"docker-archive:{archive}:localhost/team/web:1", $"oci:{Folder["copied"]}:1");
        string config = Tool.Run("skopeo", "inspect", "--config", $"oci:{Folder["copied"]}:1");
        Assert.Equal(web.DiffIds, JsonNode.Parse(config)!["rootfs"]!["diff_ids"]!.AsArray().Select(id => (string)id!));
        foreach (string diffId in web.DiffIds)
            Assert.Equal($"{diffId[7..]}  -", Tool.Shell($"tar -xOf {archive} {diffId[7..]}.tar | sha256sum").Trim());

        await Images.RemoveImageAsync(web.Id, None);
        ImageRecord back = Assert.Single(await Images.LoadAsync(archive, null, None));
        Assert.Equal((web.Id, "localhost/team/web:1"), (back.Id, Assert.Single(back.Names)));
    }

    [Theory(DisplayName = "several images go into one archive that shares their layers, and come back under the names they were asked for by")]
    [InlineData(ImageArchiveFormat.OciArchive)]
    [InlineData(ImageArchiveFormat.DockerArchive)]
    public async Task Several(ImageArchiveFormat format)
    {
        ImageRecord web = await LoadAsync("web:1", "a", "b");
        await Images.TagAsync("web:1", ["web:2", "other/web"], None);
        ImageRecord db = await LoadAsync("db", "a", "c");

        string archive = await SaveAsync("both.tar", format, "web:2", "db", "web:1");
        string byId = await SaveAsync("id.tar", format, web.Id);

        Assert.Equal(3, Tool.Run("tar", "-tf", archive).Split('\n').Count(line => IsLayer(line, format)));
        await Images.RemoveImageAsync(web.Id, None);
        await Images.RemoveImageAsync(db.Id, None);
        IReadOnlyList<ImageRecord> back = await Images.LoadAsync(archive, null, None);
        Assert.Equal([db.Id, web.Id], back.OrderBy(image => image.Names[0], StringComparer.Ordinal).Select(image => image.Id));
        Assert.Equal(["docker.io/library/db:latest", "docker.io/library/web:1", "docker.io/library/web:2"], back.SelectMany(image => image.Names).Order());
        Assert.Equal(["docker.io/library/web:1", "docker.io/library/web:2", "docker.io/other/web:latest"], Assert.Single(await Images.LoadAsync(byId, null, None)).Names);
    }

    private bool IsLayer(string path, ImageArchiveFormat format) => format == ImageArchiveFormat.DockerArchive
        ? path.EndsWith(".tar", StringComparison.Ordinal)
        : path.StartsWith("blobs/", StringComparison.Ordinal) && !path.EndsWith('/') && File.ReadAllBytes(Path.Combine(Paths.Content, path))[0] != '{';

    [Fact(DisplayName = "the same images give the same bytes, also from another store")]
    public async Task Deterministic()
    {
        await LoadAsync("web", "a", "b");
        await LoadAsync("db", "c");
        foreach (ImageArchiveFormat format in Enum.GetValues<ImageArchiveFormat>())
            await SaveAsync($"first.{format}", format, "web", "db");
        await Images.RemoveImageAsync("web", None);
        await Images.RemoveImageAsync("db", None);
        await ReopenAsync();
        await LoadAsync("db", "c");
        await LoadAsync("web", "a", "b");

        foreach (ImageArchiveFormat format in Enum.GetValues<ImageArchiveFormat>())
            Assert.Equal(File.ReadAllBytes(Folder[$"first.{format}"]), File.ReadAllBytes(await SaveAsync($"second.{format}", format, "db", "web")));
    }

    [Fact(DisplayName = "a manifest of docker's comes back with its digest")]
    public async Task DockerManifest()
    {
        BusyboxImage.Require();
        string layout = BusyboxImage.MakeLayout(Folder);
        Tool.Run("skopeo", "copy", "-q", "--format", "v2s2", $"oci:{layout}:{BusyboxImage.Tag}", $"dir:{Folder["dir"]}");
        string made = LayoutFile.OfFolder(Folder["dir"], Folder["made"], "localhost/web:1");
        ImageRecord web = Assert.Single(await Images.LoadAsync(made, null, None));

        string archive = await SaveAsync("saved.tar", ImageArchiveFormat.OciArchive, "localhost/web:1");

        Tool.Run("skopeo", "copy", "-q", $"oci-archive:{archive}:localhost/web:1", $"dir:{Folder["back"]}");
        Assert.Equal(File.ReadAllText(Folder["dir"] + "/manifest.json"), File.ReadAllText(Folder["back"] + "/manifest.json"));
        await Images.RemoveImageAsync(web.Id, None);
        Assert.Equal(web.Digest, Assert.Single(await Images.LoadAsync(archive, null, None)).Digest);
    }

    [Theory(DisplayName = "what is missing or damaged is refused before anything is written, or at the latest before the end")]
    [InlineData(ImageArchiveFormat.OciArchive)]
    [InlineData(ImageArchiveFormat.DockerArchive)]
    public async Task Refused(ImageArchiveFormat format)
    {
        ImageRecord web = await LoadAsync("web", "a", "b");
        using MemoryStream output = new();

        Assert.Equal(ImageRefusal.NotFound, (await RefusalAsync(format, output, "web", "none")).Refusal);
        Flip(BlobPath(LayerBlobs(web)[1]));
        ImageRefusedException damaged = await RefusalAsync(format, output, "web");
        Assert.Contains($"blob {LayerBlobs(web)[1]} is damaged", damaged.Message, StringComparison.Ordinal);
        output.SetLength(0);
        File.Delete(BlobPath(LayerBlobs(web)[1]));
        Assert.Contains($"blob {LayerBlobs(web)[1]} is missing", (await RefusalAsync(format, output, "web")).Message, StringComparison.Ordinal);
        Assert.Equal(0, output.Length);
    }

    private Task<ImageRefusedException> RefusalAsync(ImageArchiveFormat format, Stream output, params string[] references) =>
        Assert.ThrowsAsync<ImageRefusedException>(() => Images.SaveAsync(references, format, output, None));
}
