using System.Text;
using NodeAgent.Core.Configuration;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Configuration;

/// <summary>A configuration file whose head is right.</summary>
internal static class ConfigurationText
{
    private const string Header = "apiVersion: podagent.io/v1alpha1\nkind: PodAgentConfiguration\n";

    public static (AgentConfiguration? Configuration, IReadOnlyList<ManifestError> Errors) Parse(string text) =>
        ConfigurationParser.Parse(Encoding.UTF8.GetBytes(Header + text), "podagent.yaml");

    /// <summary>One line after the head is one error with its place, and no configuration.</summary>
    public static void AssertRefused(string line, string path, ManifestReason reason)
    {
        var (configuration, errors) = Parse(line + "\n");
        Assert.Null(configuration);
        var error = Assert.Single(errors);
        Assert.Equal((3, path, reason), (error.Line, error.FieldPath, error.Reason));
    }
}
