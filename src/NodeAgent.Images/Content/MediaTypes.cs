namespace NodeAgent.Images.Content;

/// <summary>How the bytes of a layer are packed. Found by looking at them: media types lie.</summary>
public enum LayerCompression
{
    None,
    Gzip,
    Zstd,
}

/// <summary>Media types of the OCI image specification and of docker's schema 2, which mean the same things.</summary>
public static class MediaTypes
{
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

    public const string DockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
    public const string DockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

    private const string DockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar";
    private const string OciNondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";

    public static bool IsIndex(string? mediaType) => mediaType is OciIndex or DockerIndex;

    public static bool IsManifest(string? mediaType) => mediaType is OciManifest or DockerManifest;

    public static bool IsSchema1(string? mediaType) => mediaType is DockerSchema1 or DockerSchema1Signed;

    public static string LayerOf(LayerCompression compression) => compression switch
    {
        LayerCompression.Gzip => OciLayer + "+gzip",
        LayerCompression.Zstd => OciLayer + "+zstd",
        _ => OciLayer,
    };

    /// <summary>Why a layer of this media type cannot be unpacked, or null when it can.</summary>
    public static string? DescribeBadLayer(string? mediaType)
    {
        if (string.IsNullOrEmpty(mediaType))
            return "has no media type";
        if (mediaType.EndsWith("+encrypted", StringComparison.Ordinal) || mediaType.Contains(".encrypted", StringComparison.Ordinal))
            return $"is encrypted ({mediaType}); decrypt the image first";
        if (mediaType.StartsWith(DockerForeignLayer, StringComparison.Ordinal) || mediaType.StartsWith(OciNondistributable, StringComparison.Ordinal))
            return $"is a foreign layer ({mediaType}), which is not part of the image; only Windows images have them";
        bool known = mediaType.StartsWith(OciLayer, StringComparison.Ordinal) || mediaType.StartsWith(DockerLayer, StringComparison.Ordinal);
        return known ? null : $"has media type {mediaType}, which is not a filesystem layer";
    }
}
