using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Api.Resources;

internal sealed class ImageResource : ResourceView<ImageObject>
{
    public override string Kind => "Image";
    public override string ApiVersion => ApiGroup.Version;
    public override string Plural => "images";
    public override JsonTypeInfo<ImageObject> Contract => ApiGroupJson.Default.ImageObject;

    public override IReadOnlyList<TableColumnDefinition> Columns { get; } =
    [
        Column("Name", "A name of the image, with tag.", format: "name"),
        Column("Image ID", "The first digits of the digest of its configuration."),
        Column("Size", "Compressed size."),
        Column("Age", "Time since it came to this node."),
        Column("Unpacked", "Size on disk of its layers, those included that other images share.", 1),
        Column("Layers", "Number of layers.", 1, "integer"),
        Column("Platform", "Operating system and architecture.", 1),
        Column("Pinned", "Whether the node's configuration keeps it.", 1),
        Column("Digest", "Digest of the manifest.", 1),
    ];

    public override ObjectMeta Metadata(ImageObject value) => value.Metadata;

    public override IReadOnlyList<JsonNode?> Cells(ImageObject value, DateTimeOffset now) =>
    [
        value.Metadata.Name, ShortId(value.Id), ByteSize.Format(value.SizeBytes), Age.Of(value.Metadata.CreationTimestamp, now),
        value.UnpackedBytes is { } unpacked ? ByteSize.Format(unpacked) : "<unknown>", value.Layers, value.Platform, value.Pinned == true ? "true" : "false", value.Digest,
    ];

    /// <summary>One object per name, so that a table has a line for each, as the tools of the field print them.</summary>
    /// <param name="unpacked">Bytes of unpacked layers by image id, as far as they are known.</param>
    public static IEnumerable<ImageObject> Of(ImageRecord image, IReadOnlyDictionary<string, long>? unpacked = null) =>
        (image.Names.Count > 0 ? image.Names : [image.Id]).Select(name => new ImageObject
        {
            Metadata = new ObjectMeta { Name = name, CreationTimestamp = image.LoadedAt, Labels = image.Config.Labels.Count > 0 ? image.Config.Labels : null },
            Id = image.Id,
            Digest = image.Digest,
            Names = image.Names,
            SizeBytes = image.SizeBytes,
            UnpackedBytes = unpacked is not null && unpacked.TryGetValue(image.Id, out long bytes) ? bytes : null,
            Pinned = image.Pinned ? true : null,
            Layers = image.DiffIds.Count,
            Platform = $"{image.Config.Os}/{image.Config.Architecture}",
        });

    private static string ShortId(string id)
    {
        string digits = id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return digits.Length > 12 ? digits[..12] : digits;
    }
}
