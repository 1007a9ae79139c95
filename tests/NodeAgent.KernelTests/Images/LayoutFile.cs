using System.Text.Json;

namespace NodeAgent.KernelTests.Images;

/// <summary>Reads OCI layouts without our own code.</summary>
internal static class LayoutFile
{
    public static string Blob(string layout, string digest) => Path.Combine(layout, "blobs", digest.Replace(':', '/'));

    /// <summary>Path of the first manifest that the index names.</summary>
    public static string Manifest(string layout)
    {
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(layout, "index.json")));
        return Blob(layout, index.RootElement.GetProperty("manifests")[0].GetProperty("digest").GetString()!);
    }

    /// <summary>Path of the lowest layer, and its diff id.</summary>
    public static (string Blob, string DiffId) FirstLayer(string layout, string manifestPath)
    {
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(manifestPath));
        string config = Blob(layout, manifest.RootElement.GetProperty("config").GetProperty("digest").GetString()!);
        using JsonDocument configuration = JsonDocument.Parse(File.ReadAllBytes(config));
        return (
            Blob(layout, manifest.RootElement.GetProperty("layers")[0].GetProperty("digest").GetString()!),
            configuration.RootElement.GetProperty("rootfs").GetProperty("diff_ids")[0].GetString()!);
    }
}
