using System.Text;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>From a descriptor to one image: what is chosen, and what is refused with which words.</summary>
public sealed class ResolvedImageTests
{
    private static readonly NodePlatform Amd64 = new("amd64", ["v3", "v2", "v1"]);
    private static readonly Digest Layer = Digest.OfSha256("layer"u8);
    private static readonly Digest DiffId = Digest.OfSha256("diff"u8);

    private readonly Dictionary<Digest, byte[]> _blobs = [];

    private OciDescriptor Add(string json, string? mediaType)
    {
        byte[] document = Encoding.UTF8.GetBytes(json);
        Digest digest = Digest.OfSha256(document);
        _blobs[digest] = document;
        return new OciDescriptor { MediaType = mediaType, Digest = digest.ToString(), Size = document.Length };
    }

    private OciDescriptor AddImage(
        string marker = "", string architecture = "amd64", string os = "linux", string layerType = MediaTypes.OciLayer, string configType = MediaTypes.OciConfig,
        string mediaType = MediaTypes.OciManifest, int diffIds = 1)
    {
        string diffs = string.Join(',', Enumerable.Repeat($"\"{DiffId}\"", diffIds));
        OciDescriptor config = Add(
            $$$"""{"architecture":"{{{architecture}}}","os":"{{{os}}}","author":"{{{marker}}}","rootfs":{"type":"layers","diff_ids":[{{{diffs}}}]}}""", null);
        return Add(
            $$$"""
            {"schemaVersion":2,"mediaType":"{{{mediaType}}}","config":{"mediaType":"{{{configType}}}","digest":"{{{config.Digest}}}","size":{{{config.Size}}}},
             "layers":[{"mediaType":"{{{layerType}}}","digest":"{{{Layer}}}","size":10}]}
            """,
            mediaType);
    }

    private OciDescriptor AddIndex(params (OciDescriptor Manifest, string? Platform)[] manifests) => Add(
        "{\"schemaVersion\":2,\"manifests\":[" + string.Join(',', manifests.Select(entry =>
        {
            string platform = entry.Platform is null ? "" : $",\"platform\":{Platform(entry.Platform)}";
            return $"{{\"mediaType\":\"{entry.Manifest.MediaType}\",\"digest\":\"{entry.Manifest.Digest}\",\"size\":{entry.Manifest.Size}{platform}}}";
        })) + "]}",
        MediaTypes.OciIndex);

    private static string Platform(string text)
    {
        string[] parts = text.Split('/');
        string variant = parts.Length > 2 ? $",\"variant\":\"{parts[2]}\"" : "";
        return $"{{\"os\":\"{parts[0]}\",\"architecture\":\"{parts[1]}\"{variant}}}";
    }

    private ResolvedImage Resolve(OciDescriptor descriptor) =>
        ResolvedImage.Resolve(descriptor, Amd64, digest => _blobs.GetValueOrDefault(digest) ?? throw new InvalidDataException($"blob {digest} is missing"));

    private string Refusal(OciDescriptor descriptor) => Assert.Throws<InvalidDataException>(() => Resolve(descriptor)).Message;

    [Theory]
    [InlineData(MediaTypes.OciManifest, MediaTypes.OciConfig, MediaTypes.OciLayer + "+gzip")]
    [InlineData(MediaTypes.OciManifest, MediaTypes.OciConfig, MediaTypes.OciLayer + "+zstd")]
    [InlineData(MediaTypes.DockerManifest, MediaTypes.DockerConfig, MediaTypes.DockerLayerGzip)]
    [InlineData(MediaTypes.DockerManifest, MediaTypes.DockerConfig, MediaTypes.DockerLayer)]
    public void OCI_and_docker_manifests_mean_the_same(string mediaType, string configType, string layerType)
    {
        ResolvedImage image = Resolve(AddImage(mediaType: mediaType, configType: configType, layerType: layerType));

        ResolvedLayer layer = Assert.Single(image.Layers);
        Assert.Equal((Layer, 10L, DiffId, DiffId.Hex), (layer.Blob, layer.Size, layer.DiffId, layer.Chain));
        Assert.Equal(mediaType, image.Descriptor.MediaType);
        Assert.Equal(image.Manifest.Length + image.ConfigDocument.Length + 10, image.SizeBytes);
    }

    [Fact]
    public void The_platform_of_the_node_is_chosen_from_an_index()
    {
        OciDescriptor wanted = AddImage("wanted");
        OciDescriptor index = AddIndex((AddImage("a", "arm64"), "linux/arm64"), (AddImage("w", os: "windows"), "windows/amd64"), (wanted, "linux/amd64"),
            (AddImage("attestation"), "unknown/unknown"));

        Assert.Equal(wanted.Digest, Resolve(index).Descriptor.Digest);
        Assert.Equal(wanted.Digest, Resolve(AddIndex((index, null))).Descriptor.Digest);
    }

    [Theory]
    [InlineData("linux/amd64,linux/amd64/v2,linux/amd64/v3,linux/amd64/v4", 2)]
    [InlineData("linux/amd64/v4,linux/amd64/v2,linux/amd64", 1)]
    [InlineData("linux/amd64/v4,linux/amd64", 1)]
    public void The_best_variant_that_the_processor_runs_is_chosen(string platforms, int chosen)
    {
        (OciDescriptor, string?)[] manifests = [.. platforms.Split(',').Select((platform, i) => (AddImage($"{i}"), (string?)platform))];

        Assert.Equal(manifests[chosen].Item1.Digest, Resolve(AddIndex(manifests)).Descriptor.Digest);
    }

    [Fact]
    public void An_index_without_the_platform_is_refused_with_a_list_of_what_there_is() =>
        Assert.Contains("nothing for linux/amd64, only for: linux/arm64, linux/arm/v7",
            Refusal(AddIndex((AddImage("a", "arm64"), "linux/arm64"), (AddImage("b", "arm"), "linux/arm/v7"))), StringComparison.Ordinal);

    [Theory]
    [InlineData("arm64", "linux", "it is for linux/arm64, this node is linux/amd64")]
    [InlineData("amd64", "windows", "it is for windows")]
    public void An_image_for_another_machine_is_refused(string architecture, string os, string reason) =>
        Assert.Contains(reason, Refusal(AddImage(architecture: architecture, os: os)), StringComparison.Ordinal);

    [Theory]
    [InlineData("386", "linux")]
    [InlineData("", "")]
    public void An_image_that_can_run_here_is_taken(string architecture, string os) =>
        Assert.Single(Resolve(AddImage(architecture: architecture, os: os)).Layers);

    [Theory]
    [InlineData("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign layer")]
    [InlineData("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign layer")]
    [InlineData("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "is encrypted")]
    [InlineData("application/octet-stream", "not a filesystem layer")]
    [InlineData("", "no media type")]
    public void A_layer_that_cannot_be_unpacked_is_refused(string layerType, string reason) =>
        Assert.Contains(reason, Refusal(AddImage(layerType: layerType)), StringComparison.Ordinal);

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+json")]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws")]
    public void Schema_1_is_refused_by_name(string mediaType) =>
        Assert.Contains("schema 1", Refusal(Add("{}", mediaType)), StringComparison.Ordinal);

    [Fact]
    public void Schema_1_is_known_without_a_media_type() =>
        Assert.Contains("schema 1", Refusal(Add("""{"schemaVersion":1,"fsLayers":[]}""", null)), StringComparison.Ordinal);

    [Fact]
    public void An_artifact_that_is_no_image_is_refused() =>
        Assert.Contains("no container image", Refusal(AddImage(configType: "application/vnd.cncf.helm.config.v1+json")), StringComparison.Ordinal);

    [Fact]
    public void Manifest_and_configuration_must_agree_on_the_number_of_layers() =>
        Assert.Contains("1 layers and its configuration 2", Refusal(AddImage(diffIds: 2)), StringComparison.Ordinal);

    [Fact]
    public void More_layers_than_can_be_stacked_are_refused() =>
        Assert.Contains("500 is the most", Refusal(AddImage(diffIds: 501)), StringComparison.Ordinal);

    [Theory]
    [InlineData("sha256:../../etc/passwd")]
    [InlineData("md5:0123")]
    [InlineData("")]
    public void A_digest_that_is_none_is_refused(string digest) =>
        Assert.Contains("digest belongs", Refusal(new OciDescriptor { MediaType = MediaTypes.OciManifest, Digest = digest }), StringComparison.Ordinal);

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"config\":7}")]
    [InlineData("{")]
    [InlineData("{}")]
    public void A_manifest_that_is_none_is_refused(string json) => Assert.NotEmpty(Refusal(Add(json, MediaTypes.OciManifest)));

    [Fact]
    public void Nested_indexes_come_to_an_end()
    {
        OciDescriptor nested = AddImage();
        for (int i = 0; i < 10; i++)
            nested = AddIndex((nested, null));

        Assert.Contains("nested too deep", Refusal(nested), StringComparison.Ordinal);
    }
}
