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

    /// <summary>Puts what skopeo writes as a plain folder (manifest.json, and blobs by their hex digits) into a layout, byte for byte.</summary>
    public static string OfFolder(string folder, string layout, string name)
    {
        string blobs = Directory.CreateDirectory(Path.Combine(layout, "blobs/sha256")).FullName;
        foreach (string blob in Directory.EnumerateFiles(folder).Where(file => Path.GetFileName(file).Length == 64))
            File.Copy(blob, Path.Combine(blobs, Path.GetFileName(blob)));
        byte[] manifest = File.ReadAllBytes(Path.Combine(folder, "manifest.json"));
        string hex = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(manifest));
        File.WriteAllBytes(Path.Combine(blobs, hex), manifest);
        using JsonDocument document = JsonDocument.Parse(manifest);
        File.WriteAllText(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(
            Path.Combine(layout, "index.json"),
            $$$"""
            {"schemaVersion":2,"manifests":[{"mediaType":"{{{document.RootElement.GetProperty("mediaType").GetString()}}}","digest":"sha256:{{{hex}}}",
              "size":{{{manifest.Length}}},"annotations":{"org.opencontainers.image.ref.name":"{{{name}}}"}}]}
            """);
        return layout;
    }
}
