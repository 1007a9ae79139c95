using System.Text.Json;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Content;

/// <summary>What an index holds on to: the blobs that a sweep must keep.</summary>
internal static class Reachability
{
    private const int MaxDepth = 8;

    /// <summary>
    /// All digests that can be reached from the entries. What is missing or cannot be read ends its branch: keeping too much is harmless.
    /// </summary>
    public static HashSet<Digest> Of(IReadOnlyList<OciDescriptor> index, ContentStore store)
    {
        HashSet<Digest> reached = [];
        foreach (OciDescriptor entry in index)
            Follow(entry, store, reached, 0);
        return reached;
    }

    private static void Follow(OciDescriptor? descriptor, ContentStore store, HashSet<Digest> reached, int depth)
    {
        if (depth == MaxDepth || !Digest.TryParse(descriptor?.Digest, out Digest digest) || !reached.Add(digest))
            return;
        if (store.SizeOf(digest) is not (> 0 and <= ContentStore.MaxDocumentBytes))
            return;
        try
        {
            byte[] document = File.ReadAllBytes(store.BlobPath(digest));
            foreach (OciDescriptor child in JsonSerializer.Deserialize(document, OciJson.Default.OciIndex)?.Manifests ?? [])
                Follow(child, store, reached, depth + 1);
            OciManifest? manifest = JsonSerializer.Deserialize(document, OciJson.Default.OciManifest);
            foreach (OciDescriptor? leaf in (manifest?.Layers ?? []).Append(manifest?.Config))
            {
                if (Digest.TryParse(leaf?.Digest, out Digest blob))
                    reached.Add(blob);
            }
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            // A damaged document keeps itself; there is nothing more to learn from it.
        }
    }
}
