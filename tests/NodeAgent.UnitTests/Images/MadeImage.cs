using System.Text;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.UnitTests.Images;

/// <summary>Blobs of images in memory, without any layer's content.</summary>
internal sealed class MadeImage
{
    public static readonly NodePlatform Amd64 = new("amd64", ["v1"]);

    private readonly Dictionary<Digest, byte[]> _documents = [];

    /// <summary>Bytes of the blobs that are there.</summary>
    public Dictionary<Digest, long> Sizes { get; } = [];

    public byte[]? Read(Digest digest) => Sizes.ContainsKey(digest) ? _documents.GetValueOrDefault(digest) : null;

    public OciDescriptor Add(string json, string mediaType)
    {
        byte[] document = Encoding.UTF8.GetBytes(json);
        Digest digest = Digest.OfSha256(document);
        _documents[digest] = document;
        Sizes[digest] = document.Length;
        return new OciDescriptor { MediaType = mediaType, Digest = digest.ToString(), Size = document.Length };
    }

    /// <summary>An image of layers that are known by a word each; the blob of a layer has 100 bytes.</summary>
    public OciDescriptor AddImage(string manifestType, string history, params string[] layers)
    {
        bool docker = manifestType == MediaTypes.DockerManifest;
        string diffIds = string.Join(',', layers.Select(layer => $"\"{DiffIdOf(layer)}\""));
        OciDescriptor config = Add(
            $$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[{{{diffIds}}}]},"history":[{{{history}}}]}""",
            docker ? MediaTypes.DockerConfig : MediaTypes.OciConfig);
        string layerType = docker ? MediaTypes.DockerLayerGzip : MediaTypes.OciLayer + "+gzip";
        string blobs = string.Join(',', layers.Select(layer => $$$"""{"mediaType":"{{{layerType}}}","digest":"{{{BlobOf(layer)}}}","size":100}"""));
        foreach (string layer in layers)
            Sizes[BlobOf(layer)] = 100;
        return Add(
            $$$"""{"schemaVersion":2,"mediaType":"{{{manifestType}}}","config":{"mediaType":"{{{config.MediaType}}}","digest":"{{{config.Digest}}}","size":{{{config.Size}}}},"layers":[{{{blobs}}}]}""",
            manifestType);
    }

    public static Digest BlobOf(string layer) => Digest.OfSha256(Encoding.UTF8.GetBytes("blob " + layer));

    public static Digest DiffIdOf(string layer) => Digest.OfSha256(Encoding.UTF8.GetBytes("diff " + layer));

    public ResolvedImage Resolve(OciDescriptor descriptor) => ResolvedImage.Resolve(descriptor, Amd64, digest => _documents[digest]);
}
