using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Library;

/// <summary>What an image's documents say, put together. Functions of their arguments.</summary>
internal static class ImageInspection
{
    public static ImageDetails Of(StoredImage image)
    {
        ResolvedImage resolved = image.Resolved;
        OciManifest? manifest = JsonSerializer.Deserialize(resolved.Manifest, OciJson.Default.OciManifest);
        return new ImageDetails(
            image.Record,
            RepoDigests(image.Record),
            Time(resolved.Config.Created),
            resolved.Config.Author ?? "",
            resolved.Config.Variant ?? "",
            resolved.Descriptor.MediaType ?? "",
            resolved.ConfigDocument,
            [.. resolved.Layers.Select((layer, i) => new ImageLayer(layer.Blob.ToString(), layer.DiffId.ToString(), layer.Size, manifest?.Layers?[i].MediaType ?? ""))],
            History(resolved.Config.History ?? [], resolved.Layers));
    }

    private static List<string> RepoDigests(ImageRecord record) =>
    [
        .. record.Names.Select(name => $"{ImageReference.Parse(name).Repository}@{record.RegistryDigest ?? record.Digest}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
    ];

    /// <summary>
    /// Every step that made a layer takes the next one; the documents are not bound to agree. Layers that no step tells of come at the end, as steps that
    /// tell nothing.
    /// </summary>
    internal static List<ImageHistoryEntry> History(IReadOnlyList<OciHistory?> steps, IReadOnlyList<ResolvedLayer> layers)
    {
        Queue<ResolvedLayer> left = new(layers);
        List<ImageHistoryEntry> history = [];
        foreach (OciHistory step in steps.OfType<OciHistory>())
        {
            ResolvedLayer? layer = step.EmptyLayer is not true && left.TryDequeue(out ResolvedLayer? next) ? next : null;
            history.Add(Entry(step, layer));
        }
        history.AddRange(left.Select(layer => Entry(new OciHistory(), layer)));
        return history;
    }

    private static ImageHistoryEntry Entry(OciHistory step, ResolvedLayer? layer) =>
        new(Time(step.Created), step.CreatedBy ?? "", step.Author ?? "", step.Comment ?? "", layer?.Blob.ToString(), layer?.Size ?? 0);

    /// <summary>Null for none, and for Go's zero time, which tools write where they have none.</summary>
    private static DateTimeOffset? Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time) && time.Year > 1
            ? time
            : null;
}
