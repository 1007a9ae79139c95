using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Every form in which images come as files, and what is said about those that cannot be taken.</summary>
public sealed class ArchiveFormsTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private string _layout = "";
    private ImageService? _images;

    private StatePaths Paths => new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    private ImageService Images => _images!;

    public async ValueTask InitializeAsync()
    {
        BusyboxImage.Require();
        _layout = BusyboxImage.MakeLayout(_folder);
        _images = await ImageService.OpenAsync(Paths, TimeProvider.System, NullLogger<ImageService>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        _folder.Dispose();
    }

    private string Copy(string destination, params string[] options)
    {
        Tool.Run("skopeo", ["copy", "-q", .. options, $"oci:{_layout}:{BusyboxImage.Tag}", destination]);
        return destination;
    }

    private async Task<ImageRecord> LoadOneAsync(string path, string? name = null) =>
        Assert.Single(await Images.LoadAsync(path, name, CancellationToken.None));

    private async Task<string> RefusalAsync(string path, string? name = null)
    {
        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => Images.LoadAsync(path, name, CancellationToken.None));
        Assert.Contains($"load {path}: ", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await Images.ListImagesAsync(CancellationToken.None));
        AssertNothingLeft();
        return refused.Message;
    }

    private void AssertNothingLeft()
    {
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "ingest")));
        Assert.Equal(["empty"], Directory.EnumerateDirectories(Path.Combine(Paths.Snapshots, "layers")).Select(Path.GetFileName));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Paths.Snapshots, "tmp")));
    }

    private void AssertRunsBusybox(ImageRecord image)
    {
        Mount mount = Images.PrepareAsync("check-" + image.Id[7..19], image, CancellationToken.None).GetAwaiter().GetResult();
        string top = mount.Options.First(option => option.Key == "lowerdir").Value!;
        Assert.Equal("two\n", File.ReadAllText(top + "/etc/added"));
        Assert.Contains(mount.Options, option => option.Key == "lowerdir" && File.Exists(option.Value + "/bin/busybox"));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task An_archive_packed_as_a_whole_is_unpacked_first(string packer)
    {
        string archive = _folder["a.tar"];
        Copy($"docker-archive:{archive}:web:1");
        Tool.Shell($"{packer} -q {archive} -c > {archive}.packed");

        AssertRunsBusybox(await LoadOneAsync(archive + ".packed"));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Paths.Content, "ingest")));
    }

    [Fact]
    public async Task Layers_packed_with_zstd_are_taken_and_other_tools_can_read_the_store()
    {
        string archive = _folder["zstd.tar"];
        Copy($"oci-archive:{archive}:localhost/web:1", "--dest-compress-format", "zstd");

        AssertRunsBusybox(await LoadOneAsync(archive));
        string raw = Tool.Run("skopeo", "inspect", "--raw", $"oci:{Paths.Content}:localhost/web:1");
        Assert.Contains("tar+zstd", raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Manifests_of_docker_keep_their_media_types_and_other_tools_can_read_them()
    {
        Copy($"dir:{_folder["dir"]}", "--format", "v2s2");
        string layout = LayoutFile.OfFolder(_folder["dir"], _folder["made"], "docker.io/team/web:1");

        AssertRunsBusybox(await LoadOneAsync(layout));
        Tool.Run("skopeo", "copy", "-q", $"oci:{Paths.Content}:docker.io/team/web:1", $"dir:{_folder["back"]}");
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["dir"], "manifest.json")), File.ReadAllText(Path.Combine(_folder["back"], "manifest.json")));
    }

    private static JsonObject Entry(string mediaType, string digest, long size, string? name) => new()
    {
        ["mediaType"] = mediaType,
        ["digest"] = digest,
        ["size"] = size,
        ["annotations"] = name is null ? null : new JsonObject { ["org.opencontainers.image.ref.name"] = name },
    };

    private static void WriteIndex(string layout, params JsonObject[] entries)
    {
        File.WriteAllText(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(layout, "index.json"), new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray([.. entries]) }.ToJsonString());
    }

    private JsonObject ReadIndex() => JsonNode.Parse(File.ReadAllBytes(Path.Combine(_layout, "index.json")))!.AsObject();

    private void ChangeEntry(Action<JsonObject> change)
    {
        JsonObject index = ReadIndex();
        change(index["manifests"]![0]!.AsObject());
        File.WriteAllText(Path.Combine(_layout, "index.json"), index.ToJsonString());
    }

    [Fact]
    public async Task Old_docker_save_has_a_folder_per_layer_and_links_between_them()
    {
        string plain = _folder["plain.tar"];
        Copy($"docker-archive:{plain}:web:1");
        string old = Directory.CreateDirectory(_folder["old"]).FullName;
        Tool.Run("tar", "-C", old, "-xf", plain);
        JsonArray manifest = JsonNode.Parse(File.ReadAllBytes(Path.Combine(old, "manifest.json")))!.AsArray();
        JsonArray layers = manifest[0]!["Layers"]!.AsArray();
        for (int i = 0; i < layers.Count; i++)
        {
            string id = new((char)('a' + i), 64);
            string file = Path.GetFileName((string)layers[i]!);
            Directory.CreateDirectory(Path.Combine(old, id));
            File.Move(Path.Combine(old, file), Path.Combine(old, id, "layer.tar"));
            layers[i] = $"{id}/layer.tar";
        }
        // A second image shares the lowest layer through a link, as docker save wrote it.
        string linked = new('f', 64);
        Directory.CreateDirectory(Path.Combine(old, linked));
        File.CreateSymbolicLink(Path.Combine(old, linked, "layer.tar"), $"../{new string('a', 64)}/layer.tar");
        JsonNode second = manifest[0]!.DeepClone();
        second["RepoTags"] = new JsonArray("web:2", "other/web:latest");
        second["Layers"]![0] = $"{linked}/layer.tar";
        manifest.Add(second);
        File.WriteAllText(Path.Combine(old, "manifest.json"), manifest.ToJsonString());
        Tool.Shell($"rm -f {old}/repositories; cd {old}; tar -cf {_folder["old.tar"]} *");

        IReadOnlyList<ImageRecord> loaded = await Images.LoadAsync(_folder["old.tar"], null, CancellationToken.None);

        ImageRecord image = Assert.Single(loaded);
        Assert.Equal(["docker.io/library/web:1", "docker.io/library/web:2", "docker.io/other/web:latest"], image.Names);
        AssertRunsBusybox(image);
    }

    [Fact]
    public async Task An_index_for_many_platforms_gives_the_image_for_this_one()
    {
        JsonObject entry = ReadIndex()["manifests"]![0]!.AsObject();
        JsonObject here = entry.DeepClone().AsObject();
        here.Remove("annotations");
        here["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = "amd64" };
        JsonObject there = Entry("application/vnd.oci.image.manifest.v1+json", $"sha256:{new string('0', 64)}", 10, null);
        there["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = "s390x" };
        byte[] nested = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = "application/vnd.oci.image.index.v1+json",
            ["manifests"] = new JsonArray(there, here),
        }.ToJsonString());
        Digest digest = Digest.OfSha256(nested);
        File.WriteAllBytes(Path.Combine(_layout, "blobs/sha256", digest.Hex), nested);
        WriteIndex(_layout, Entry("application/vnd.oci.image.index.v1+json", digest.ToString(), nested.Length, "localhost/web:multi"));

        AssertRunsBusybox(await LoadOneAsync(_layout));
    }

    [Fact]
    public async Task Several_images_of_a_layout_come_under_their_names()
    {
        Tool.Shell($"umoci tag --image {_layout}:{BusyboxImage.Tag} v2; umoci config --image {_layout}:v2 --config.env V=2");

        IReadOnlyList<ImageRecord> loaded = await Images.LoadAsync(_layout, "localhost/web", CancellationToken.None);

        Assert.Equal(["localhost/web:latest", "localhost/web:v2"], loaded.SelectMany(image => image.Names).Order());
    }

    [Fact]
    public async Task A_name_is_asked_for_where_the_archive_has_none()
    {
        Assert.Contains("has no name but the tag 'latest'; give one with --name", await RefusalAsync(_layout), StringComparison.Ordinal);
        ChangeEntry(entry => entry.Remove("annotations"));
        Assert.Contains("the image in it has no name; give one with --name", await RefusalAsync(_layout), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_is_none_is_refused_before_anything_is_read()
    {
        ImageException refused = await Assert.ThrowsAsync<ImageException>(() => Images.LoadAsync(_layout, "Web", CancellationToken.None));

        Assert.Equal(ImageFailure.InvalidImageName, refused.Failure);
    }

    [Fact]
    public async Task What_is_no_archive_is_refused_with_the_reason()
    {
        Assert.Contains("no such file or folder", await RefusalAsync(_folder["nothing"]), StringComparison.Ordinal);

        string text = _folder["text"];
        File.WriteAllText(text, new string('x', 2000));
        Assert.Contains("not a tar archive", await RefusalAsync(text), StringComparison.Ordinal);

        string other = _folder["other.tar"];
        File.WriteAllBytes(other, new TarBuilder().File("readme", "x").Build());
        Assert.Contains("neither an OCI image layout", await RefusalAsync(other), StringComparison.Ordinal);

        string fifo = _folder["fifo"];
        Tool.Run("mkfifo", fifo);
        Assert.Contains("neither a folder nor a regular file", await RefusalAsync(fifo), StringComparison.Ordinal);

        Assert.Contains("neither an OCI image layout", await RefusalAsync(Directory.CreateDirectory(_folder["bare"]).FullName), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("layer")]
    [InlineData("config")]
    [InlineData("manifest")]
    public async Task A_damaged_blob_is_refused_whatever_it_is(string what)
    {
        string manifest = LayoutFile.Manifest(_layout);
        string blob = what switch
        {
            "manifest" => manifest,
            "layer" => LayoutFile.FirstLayer(_layout, manifest).Blob,
            _ => LayoutFile.Blob(_layout, (string)JsonNode.Parse(File.ReadAllBytes(manifest))!["config"]!["digest"]!),
        };
        byte[] content = File.ReadAllBytes(blob);
        content[^2] ^= 1;
        File.WriteAllBytes(blob, content);

        Assert.Contains($"blob sha256:{Path.GetFileName(blob)} is damaged", await RefusalAsync(_layout, "web"), StringComparison.Ordinal);

        File.WriteAllBytes(blob, content[..^1]);
        Assert.Contains($"sha256:{Path.GetFileName(blob)}", await RefusalAsync(_layout, "web"), StringComparison.Ordinal);

        File.Delete(blob);
        Assert.Contains($"blob sha256:{Path.GetFileName(blob)} is missing", await RefusalAsync(_layout, "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_is_not_what_the_configuration_says_is_refused_and_nothing_stays()
    {
        string archive = _folder["a.tar"];
        Copy($"docker-archive:{archive}:web:1");
        string folder = Directory.CreateDirectory(_folder["x"]).FullName;
        Tool.Run("tar", "-C", folder, "-xf", archive);
        JsonNode manifest = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "manifest.json")))!;
        string top = (string)manifest[0]!["Layers"]![1]!;
        File.WriteAllBytes(Path.Combine(folder, top), new TarBuilder().File("etc/evil").Build());
        Tool.Shell($"cd {folder}; tar -cf {archive} *");

        Assert.Contains("the image configuration says sha256:", await RefusalAsync(archive), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_cannot_be_unpacked_names_itself_and_its_entry()
    {
        byte[] layer = new TarBuilder().File("ok").File("../escape", "x").Build();
        string folder = Directory.CreateDirectory(_folder["x"]).FullName;
        File.WriteAllBytes(Path.Combine(folder, "layer.tar"), layer);
        File.WriteAllText(Path.Combine(folder, "config.json"),
            $$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.OfSha256(layer)}}}"]}}""");
        File.WriteAllText(Path.Combine(folder, "manifest.json"), """[{"Config":"config.json","RepoTags":["web:1"],"Layers":["layer.tar"]}]""");
        Tool.Shell($"cd {folder}; tar -cf {_folder["a.tar"]} *");

        Assert.Contains($"layer {Digest.OfSha256(layer)}: entry '../escape': it leads out of the layer", await RefusalAsync(_folder["a.tar"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_without_layers_can_be_prepared()
    {
        string folder = Directory.CreateDirectory(_folder["x"]).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}""");
        File.WriteAllText(Path.Combine(folder, "manifest.json"), """[{"Config":"config.json","RepoTags":["scratch:1"],"Layers":null}]""");

        Mount mount = await Images.PrepareAsync("c", await LoadOneAsync(folder), CancellationToken.None);

        Assert.Single(mount.Options, option => option.Key == "lowerdir" && Directory.Exists(option.Value));
    }
}
