using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Images.References;

namespace NodeAgent.Testing.Images;

/// <summary>Makes a docker-archive without any tool: one image of the layers given.</summary>
public static class DockerArchiveBuilder
{
    /// <param name="name">In the archive; null for none.</param>
    /// <param name="layers">Uncompressed archives, lowest first.</param>
    public static byte[] Build(string? name, params IReadOnlyList<byte[]> layers)
    {
        JsonObject config = new()
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Entrypoint"] = new JsonArray("/bin/sh") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = Strings(layers.Select(layer => Digest.OfSha256(layer).ToString())) },
        };
        JsonObject entry = new()
        {
            ["Config"] = "config.json",
            ["RepoTags"] = name is null ? null : new JsonArray(name),
            ["Layers"] = Strings(layers.Select((_, i) => $"layer{i}.tar")),
        };
        TarBuilder archive = new();
        for (int i = 0; i < layers.Count; i++)
            archive.Add('0', $"layer{i}.tar", data: layers[i]);
        return archive
            .Add('0', "config.json", data: Encoding.UTF8.GetBytes(config.ToJsonString()))
            .Add('0', "manifest.json", data: Encoding.UTF8.GetBytes(new JsonArray(entry).ToJsonString()))
            .Build();
    }

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => (JsonNode)value)]);
}
