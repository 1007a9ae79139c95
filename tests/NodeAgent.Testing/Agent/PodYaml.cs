using System.Text.Json;

namespace NodeAgent.Testing.Agent;

/// <summary>Manifests as tests need them.</summary>
public static class PodYaml
{
    /// <summary>A script that runs until it is asked to stop.</summary>
    public const string Serve = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done";

    /// <summary>A pod of containers that each run a shell script.</summary>
    /// <param name="extraSpec">More lines of the specification, not indented; may be empty.</param>
    public static string OfScripts(string name, string image, string extraSpec, params (string Name, string Script)[] containers) => $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
        spec:
        {{Indent(extraSpec)}}
          containers:
        {{string.Join('\n', containers.Select(c => $"  - name: {c.Name}\n    image: {image}\n    command: [sh, -c, {JsonSerializer.Serialize(c.Script, TestJson.Default.String)}]"))}}
        """;

    private static string Indent(string text) => text.Length == 0 ? "" : "  " + text.Replace("\n", "\n  ", StringComparison.Ordinal);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class TestJson : System.Text.Json.Serialization.JsonSerializerContext;
