using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>What is found wrong with images by following their documents.</summary>
public sealed class StoreWalkTests
{
    private readonly MadeImage _made = new();

    private List<ImageFinding> Walk(params OciDescriptor[] entries)
    {
        StoreWalk walk = NewWalk();
        foreach (OciDescriptor entry in entries)
            walk.Follow(entry);
        return [.. walk.Findings];
    }

    private StoreWalk NewWalk() => new(MadeImage.Amd64, digest => _made.Sizes.TryGetValue(digest, out long size) ? size : null, _made.Read);

    private static OciDescriptor Named(OciDescriptor descriptor, string name) => ImageTable.ToEntry(descriptor, ImageReference.Parse(name), DateTimeOffset.UnixEpoch);

    private OciDescriptor Image(params string[] layers) => _made.AddImage(MediaTypes.OciManifest, "", layers);

    [Fact(DisplayName = "nothing is found in whole images, and every blob knows who needs it")]
    public void Whole()
    {
        StoreWalk walk = NewWalk();
        walk.Follow(Named(Image("base", "web"), "web:1"));
        walk.Follow(Named(Image("base", "web"), "web:2"));
        walk.Follow(Named(_made.AddImage(MediaTypes.DockerManifest, "", "base"), "db"));

        Assert.Empty(walk.Findings);
        Assert.Equal(["docker.io/library/db:latest", "docker.io/library/web:1", "docker.io/library/web:2"], walk.UsersOf(MadeImage.BlobOf("base")));
        Assert.Equal(["docker.io/library/web:1", "docker.io/library/web:2"], walk.UsersOf(MadeImage.BlobOf("web")));
        Assert.Empty(walk.UsersOf(MadeImage.BlobOf("other")));
    }

    [Fact(DisplayName = "a missing layer is told once, with all images that need it")]
    public void MissingLayer()
    {
        OciDescriptor web = Image("base", "web");
        OciDescriptor db = Image("base", "db");
        _made.Sizes.Remove(MadeImage.BlobOf("base"));

        ImageFinding finding = Assert.Single(Walk(Named(web, "web"), Named(db, "db")));

        Assert.Equal((ImageFault.Missing, MadeImage.BlobOf("base").ToString(), "its layer is missing"), (finding.Fault, finding.Digest, finding.Problem));
        Assert.Equal(["docker.io/library/db:latest", "docker.io/library/web:latest"], finding.Images);
    }

    [Fact(DisplayName = "a missing manifest is told, and nothing is said of what it would have named")]
    public void MissingManifest()
    {
        OciDescriptor web = Image("web");
        _made.Sizes.Remove(Digest.Parse(web.Digest!));

        Assert.Equal((ImageFault.Missing, "its manifest is missing"), Assert.Single(Walk(Named(web, "web"))) switch { var found => (found.Fault, found.Problem) });
    }

    [Fact(DisplayName = "a blob of another size than announced is told with both sizes and what to do")]
    public void Size()
    {
        OciDescriptor web = Image("web");
        _made.Sizes[MadeImage.BlobOf("web")] = 99;

        ImageFinding finding = Assert.Single(Walk(Named(web, "web")));

        Assert.Equal((ImageFault.Size, "its layer has 99 bytes, 100 are announced"), (finding.Fault, finding.Problem));
        Assert.Equal("podctl image rm docker.io/library/web:latest, then pull or load the image again", finding.Remedy);
    }

    [Theory(DisplayName = "documents that say nothing sensible are told with what is wrong")]
    [InlineData("{", "its manifest is not what it should be")]
    [InlineData("{}", "its manifest has no configuration")]
    [InlineData("""{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:77","size":2}}""", "where a sha256 or sha512 digest belongs")]
    public void Documents(string manifest, string problem)
    {
        ImageFinding finding = Assert.Single(Walk(Named(_made.Add(manifest, MediaTypes.OciManifest), "web")));

        Assert.Equal(ImageFault.Document, finding.Fault);
        Assert.Contains(problem, finding.Problem, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "parts that are whole but do not fit together are told as one")]
    public void DoNotFit()
    {
        OciDescriptor config = _made.Add("""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}""", MediaTypes.OciConfig);
        OciDescriptor layer = new() { MediaType = MediaTypes.OciLayer, Digest = MadeImage.BlobOf("x").ToString(), Size = 100 };
        _made.Sizes[MadeImage.BlobOf("x")] = 100;
        string manifest = $$$"""{"config":{"mediaType":"{{{config.MediaType}}}","digest":"{{{config.Digest}}}","size":{{{config.Size}}}},"layers":[{"mediaType":"{{{layer.MediaType}}}","digest":"{{{layer.Digest}}}","size":100}]}""";

        ImageFinding finding = Assert.Single(Walk(Named(_made.Add(manifest, MediaTypes.OciManifest), "web")));

        Assert.Equal((ImageFault.Document, "its manifest has 1 layers and its configuration 0"), (finding.Fault, finding.Problem));
    }

    [Fact(DisplayName = "of an index only what this node runs has to be there")]
    public void OtherPlatforms()
    {
        OciDescriptor here = Image("web");
        string index = $$$"""
            {"schemaVersion":2,"manifests":[
              {"mediaType":"{{{MediaTypes.OciManifest}}}","digest":"sha256:{{{new string('0', 64)}}}","size":5,"platform":{"os":"linux","architecture":"s390x"}},
              {"mediaType":"{{{MediaTypes.OciManifest}}}","digest":"{{{here.Digest}}}","size":{{{here.Size}}},"platform":{"os":"linux","architecture":"amd64"}}]}
            """;
        OciDescriptor entry = Named(_made.Add(index, MediaTypes.OciIndex), "web");
        Assert.Empty(Walk(entry));

        _made.Sizes.Remove(MadeImage.BlobOf("web"));
        Assert.Equal(ImageFault.Missing, Assert.Single(Walk(entry)).Fault);
    }
}
