using System.Text;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>Short ways to a manifest in a test.</summary>
internal static class Manifest
{
    public const string Web = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
        spec:
          containers:
          - name: main
            image: example.org/web:1.0

        """;

    public static ManifestFile Parse(string text, string file = "web.yaml") => ManifestParser.Parse(Encoding.UTF8.GetBytes(text), file);

    public static Pod Pod(string text)
    {
        ManifestFile file = Parse(text);
        return file.Errors.Count == 0 ? file.Pods.Single() : throw new InvalidOperationException(string.Join("\n", file.Errors));
    }

    /// <summary>A pod whose spec has these lines besides its container.</summary>
    public static string WithSpec(string lines) => Web + Indent(lines, 2);

    /// <summary>A pod whose container has these lines besides its name and image.</summary>
    public static string WithContainer(string lines) => Web + Indent(lines, 4);

    /// <summary>A pod whose metadata has these lines besides its name.</summary>
    public static string WithMetadata(string lines) =>
        Web.Replace("  name: web\n", "  name: web\n" + Indent(lines, 2), StringComparison.Ordinal);

    private static string Indent(string lines, int by) =>
        string.Concat(lines.TrimEnd('\n').Split('\n').Select(l => new string(' ', by) + l + "\n"));
}
