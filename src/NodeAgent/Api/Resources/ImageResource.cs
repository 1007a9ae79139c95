using System.Globalization;
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
        Column("Layers", "Number of layers.", 1, "integer"),
        Column("Platform", "Operating system and architecture.", 1),
        Column("Digest", "Digest of the manifest.", 1),
    ];

    public override ObjectMeta Metadata(ImageObject value) => value.Metadata;

    public override IReadOnlyList<JsonNode?> Cells(ImageObject value, DateTimeOffset now) =>
    [
        value.Metadata.Name, ShortId(value.Id), Size(value.SizeBytes), Age.Of(value.Metadata.CreationTimestamp, now), value.Layers, value.Platform, value.Digest,
    ];

    /// <summary>One object per name, so that a table has a line for each, as the tools of the field print them.</summary>
    public static IEnumerable<ImageObject> Of(ImageRecord image) =>
        (image.Names.Count > 0 ? image.Names : [image.Id]).Select(name => new ImageObject
        {
            Metadata = new ObjectMeta { Name = name, CreationTimestamp = image.LoadedAt, Labels = image.Config.Labels.Count > 0 ? image.Config.Labels : null },
            Id = image.Id,
            Digest = image.Digest,
            Names = image.Names,
            SizeBytes = image.SizeBytes,
            Layers = image.DiffIds.Count,
            Platform = $"{image.Config.Os}/{image.Config.Architecture}",
        });

    /// <summary>Bytes with three digits in powers of 1000, as image tools print them: <c>1.94MB</c>.</summary>
    internal static string Size(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB"];
        double value = bytes;
        int unit = 0;
        while (value >= 999.5 && unit < units.Length - 1)
        {
            value /= 1000;
            unit++;
        }
        string format = unit == 0 ? "0" : value < 9.995 ? "0.00" : value < 99.95 ? "0.0" : "0";
        return value.ToString(format, CultureInfo.InvariantCulture) + units[unit];
    }

    private static string ShortId(string id)
    {
        string digits = id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return digits.Length > 12 ? digits[..12] : digits;
    }
}
