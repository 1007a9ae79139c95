using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>What stands in a saved archive.</summary>
public sealed class SavePlanTests
{
    private readonly MadeImage _made = new();

    private SavedImage Image(string manifestType, string[] layers, params string[] names) =>
        new(_made.Resolve(_made.AddImage(manifestType, "", layers)), [.. names.Select(ImageReference.Parse)]);

    private static string Text(IReadOnlyList<SavedFile> files, string path) =>
        Encoding.UTF8.GetString(Assert.IsType<SavedDocument>(files.Single(file => file.Path == path)).Content.Span);

    [Fact(DisplayName = "an image layout has every blob once and every name as an entry that all tools read")]
    public void Oci()
    {
        SavedImage web = Image(MediaTypes.OciManifest, ["base", "web"], "web:2", "web:1");
        SavedImage db = Image(MediaTypes.OciManifest, ["base", "db"], "db");

        List<SavedFile> files = SavePlan.OciArchive([web, db]);

        Assert.Equal(["oci-layout", "index.json", "blobs/", "blobs/sha256/"], files.Take(4).Select(file => file.Path));
        Assert.Equal(["base", "db", "web"], files.OfType<SavedBlob>().Select(blob => Word(blob.Blob)).Order());
        Assert.Equal(4 + 3 + 4, files.Count);
        Assert.All(files.OfType<SavedBlob>(), blob => Assert.Equal(($"blobs/sha256/{blob.Blob.Hex}", 100L), (blob.Path, blob.Size)));
        Assert.All(files.OfType<SavedDocument>().Where(file => file.Path.Length > 64), file => Assert.Equal($"blobs/sha256/{Digest.OfSha256(file.Content.Span).Hex}", file.Path));
        JsonArray entries = JsonNode.Parse(Text(files, "index.json"))!["manifests"]!.AsArray();
        string[] names = ["docker.io/library/db:latest", "docker.io/library/web:1", "docker.io/library/web:2"];
        foreach (string annotation in new[] { "org.opencontainers.image.ref.name", "io.containerd.image.name" })
            Assert.Equal(names, entries.Select(entry => (string)entry!["annotations"]![annotation]!));
        Assert.Equal(["db", "web", "web"], entries.Select(entry => (string)entry!["digest"]! == db.Image.ManifestDigest.ToString() ? "db" : "web"));

        string Word(Digest blob) => new[] { "base", "web", "db" }.Single(word => MadeImage.BlobOf(word) == blob);
    }

    [Fact(DisplayName = "the same images give the same files in the same order, however they were asked for")]
    public void Deterministic()
    {
        SavedImage web = Image(MediaTypes.OciManifest, ["base", "web"], "web:1", "web:2");
        SavedImage turned = web with { Names = [.. web.Names.Reverse(), .. web.Names] };
        SavedImage db = Image(MediaTypes.OciManifest, ["base", "db"], "db");

        foreach (Func<IReadOnlyList<SavedImage>, List<SavedFile>> plan in new[] { SavePlan.OciArchive, SavePlan.DockerArchive })
            Assert.Equal(plan([web, db]).Select(Describe), plan([db, turned]).Select(Describe));

        static string Describe(SavedFile file) => file is SavedDocument document ? $"{file.Path} {Encoding.UTF8.GetString(document.Content.Span)}" : $"{file}";
    }

    [Fact(DisplayName = "a manifest of docker's keeps its bytes, behind an index that readers of image layouts follow")]
    public void Envelope()
    {
        SavedImage web = Image(MediaTypes.DockerManifest, ["web"], "web");

        List<SavedFile> files = SavePlan.OciArchive([web]);

        JsonNode entry = Assert.Single(JsonNode.Parse(Text(files, "index.json"))!["manifests"]!.AsArray())!;
        Assert.Equal(MediaTypes.OciIndex, (string)entry["mediaType"]!);
        JsonNode inner = Assert.Single(JsonNode.Parse(Text(files, $"blobs/sha256/{Digest.Parse((string)entry["digest"]!).Hex}"))!["manifests"]!.AsArray())!;
        Assert.Equal((MediaTypes.DockerManifest, web.Image.ManifestDigest.ToString()), ((string)inner["mediaType"]!, (string)inner["digest"]!));
        Assert.Equal(web.Image.Manifest, Assert.IsType<SavedDocument>(files.Single(file => file.Path.EndsWith(web.Image.ManifestDigest.Hex, StringComparison.Ordinal))).Content.ToArray());
    }

    [Fact(DisplayName = "a docker-archive names images, their configurations and their unpacked layers, each once")]
    public void Docker()
    {
        SavedImage web = Image(MediaTypes.OciManifest, ["base", "web"], "web:1", "localhost/web@sha256:" + new string('1', 64));
        SavedImage nameless = Image(MediaTypes.OciManifest, ["base"]);

        List<SavedFile> files = SavePlan.DockerArchive([nameless, web]);

        Assert.Equal("manifest.json", files[0].Path);
        string baseLayer = MadeImage.DiffIdOf("base").Hex + ".tar";
        string webLayer = MadeImage.DiffIdOf("web").Hex + ".tar";
        JsonArray entries = JsonNode.Parse(Text(files, "manifest.json"))!.AsArray();
        Assert.Equal($$$"""
            [{"Config":"{{{web.Image.ConfigDigest.Hex}}}.json","RepoTags":["docker.io/library/web:1"],"Layers":["{{{baseLayer}}}","{{{webLayer}}}"]},
            {"Config":"{{{nameless.Image.ConfigDigest.Hex}}}.json","RepoTags":[],"Layers":["{{{baseLayer}}}"]}]
            """.ReplaceLineEndings(""), entries.ToJsonString());
        Assert.Equal(new[] { baseLayer, webLayer }.Order(StringComparer.Ordinal), files.OfType<SavedLayer>().Select(file => file.Path));
        Assert.Equal(5, files.Count);
    }
}
