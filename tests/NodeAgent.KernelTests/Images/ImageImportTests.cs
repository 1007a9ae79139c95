using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Images made of root filesystems.</summary>
public sealed class ImageImportTests : ImageLibraryFixture
{
    private string MakeRootfs(string packer = "cat")
    {
        string path = Folder[$"rootfs.{packer}"];
        File.WriteAllBytes(path, new TarBuilder().Directory("./").Directory("etc/").File("etc/name", "imported\n").File("etc/secret", "x", mode: 0x180, uid: 7).Build());
        Tool.Shell($"{packer} < {path} > {path}.packed");
        return path + ".packed";
    }

    private async Task<string> RefusalAsync(string path)
    {
        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => Images.ImportAsync(path, "web", ImageImport.Plain, None));
        Assert.StartsWith($"import {path}: ", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await Images.ListImagesAsync(None));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "blobs"), "*", SearchOption.AllDirectories));
        return refused.Message;
    }

    [Theory(DisplayName = "a root filesystem, packed or not, becomes an image of one layer that runs as the changes say")]
    [InlineData("cat", "application/vnd.oci.image.layer.v1.tar")]
    [InlineData("gzip", "application/vnd.oci.image.layer.v1.tar+gzip")]
    [InlineData("zstd", "application/vnd.oci.image.layer.v1.tar+zstd")]
    public async Task Imports(string packer, string mediaType)
    {
        string rootfs = MakeRootfs(packer);

        ImageRecord image = await Images.ImportAsync(
            rootfs, "localhost/web:1", new ImageImport(["ENTRYPOINT [\"/init\"]", "CMD [\"a\",\"b\"]", "ENV A=b", "USER 7", "LABEL l=m", "WORKDIR /etc"], "made by hand"), None);

        Assert.Equal("localhost/web:1", Assert.Single(image.Names));
        Assert.Equal(("/init", "a b", "A=b", "7", "/etc", "m"), (image.Config.Entrypoint[0], string.Join(' ', image.Config.Cmd), image.Config.Env[0],
            image.Config.User, image.Config.WorkingDir, image.Config.Labels["l"]));
        ImageDetails details = (await Images.InspectAsync("localhost/web:1", None))!;
        ImageLayer layer = Assert.Single(details.Layers);
        Assert.Equal((mediaType, new FileInfo(rootfs).Length), (layer.MediaType, layer.SizeBytes));
        Assert.Equal("sha256:" + Tool.Run("sha256sum", rootfs)[..64], layer.Digest);
        Assert.Equal(("made by hand", "podctl image import"), Assert.Single(details.History) switch { var step => (step.Comment, step.CreatedBy) });
        Assert.InRange(details.Created!.Value, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
        string lower = (await Images.PrepareAsync("c", image, None)).Options.First(option => option.Key == "lowerdir").Value!;
        Assert.Equal("imported\n", File.ReadAllText(lower + "/etc/name"));
        Assert.Equal("600 7", Tool.Run("stat", "-c", "%a %u", lower + "/etc/secret").Trim());
        Assert.Empty((await Images.VerifyAsync(None)).Findings);
    }

    [Fact(DisplayName = "skopeo and umoci read an imported image as it lies in the store")]
    public async Task OthersRead()
    {
        BusyboxImage.Require();
        ImageRecord image = await Images.ImportAsync(MakeRootfs("gzip"), "localhost/web:1", new ImageImport(["CMD [\"sh\"]", "EXPOSE 80", "VOLUME /data"], null), None);

        JsonNode config = JsonNode.Parse(Tool.Run("skopeo", "inspect", "--config", $"oci:{Paths.Content}:localhost/web:1"))!;
        Assert.Equal("""{"ExposedPorts":{"80/tcp":{}},"Cmd":["sh"],"Volumes":{"/data":{}}}""", config["config"]!.ToJsonString());
        Assert.Equal(image.DiffIds, config["rootfs"]!["diff_ids"]!.AsArray().Select(id => (string)id!));
        Tool.Run("skopeo", "copy", "-q", $"oci:{Paths.Content}:localhost/web:1", $"oci:{Folder["copied"]}:1");
        Tool.Run("umoci", "unpack", "--image", Folder["copied"] + ":1", Folder["bundle"]);
        Assert.Equal("imported\n", File.ReadAllText(Folder["bundle"] + "/rootfs/etc/name"));
    }

    [Fact(DisplayName = "a name that is taken moves to the imported image")]
    public async Task NameMoves()
    {
        ImageRecord old = await LoadAsync("web", "a");

        ImageRecord young = await Images.ImportAsync(MakeRootfs(), "web", ImageImport.Plain, None);

        Assert.NotEqual(old.Id, young.Id);
        Assert.Equal(young.Id, Assert.Single(await Images.ListImagesAsync(None)).Id);
    }

    [Fact(DisplayName = "what is no root filesystem is refused with the reason, and nothing stays")]
    public async Task Refused()
    {
        string text = Folder["text"];
        File.WriteAllText(text, new string('x', 2000));
        Assert.Contains("not a tar archive", await RefusalAsync(text), StringComparison.Ordinal);
        Assert.Contains("packed with xz; unpack it first", await RefusalAsync(MakeRootfs("xz")), StringComparison.Ordinal);
        string empty = Folder["empty"];
        File.WriteAllBytes(empty, []);
        Assert.Contains("it is empty", await RefusalAsync(empty), StringComparison.Ordinal);
        await RefusalAsync(Folder["nowhere"]);
        string cut = MakeRootfs("gzip");
        File.WriteAllBytes(cut, File.ReadAllBytes(cut)[..^20]);
        await RefusalAsync(cut);
        string escaping = Folder["escaping.tar"];
        File.WriteAllBytes(escaping, new TarBuilder().File("../evil", "x").Build());
        Assert.Contains("it leads out of the layer", await RefusalAsync(escaping), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "a change or a name that is wrong is refused before the archive is read")]
    public async Task RefusedEarly()
    {
        ImageRefusedException change = await Assert.ThrowsAsync<ImageRefusedException>(
            () => Images.ImportAsync("/nowhere", "web", new ImageImport(["RUN make"], null), None));
        Assert.Equal(ImageRefusal.Invalid, change.Refusal);
        ImageException name = await Assert.ThrowsAsync<ImageException>(() => Images.ImportAsync("/nowhere", "Web", ImageImport.Plain, None));
        Assert.Equal(ImageFailure.InvalidImageName, name.Failure);
        await Assert.ThrowsAsync<ImageRefusedException>(() => Images.ImportAsync("/nowhere", "web@sha256:" + new string('0', 64), ImageImport.Plain, None));
    }
}
