using NodeAgent.Core.Configuration;
using NodeAgent.Core.Manifests;
using NodeAgent.Images.References;

namespace NodeAgent.Configuration;

/// <summary>Reads the agent's configuration file.</summary>
internal static class ConfigurationFile
{
    /// <param name="required">Whether a file that is missing is a fault; the one at the default path need not be there.</param>
    public static AgentConfiguration Load(string path, bool required)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException && !required)
        {
            return new AgentConfiguration();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"cannot read the configuration file {path}: {unreadable.Message}", unreadable);
        }

        (AgentConfiguration? configuration, IReadOnlyList<ManifestError> errors) = ConfigurationParser.Parse(bytes, path, PinnedNames.Problem);
        return configuration ?? throw new ConfigurationException(string.Join('\n', errors));
    }
}

/// <summary>The daemon cannot start with what it was told; the message has a line per fault.</summary>
public sealed class ConfigurationException(string message, Exception? inner = null) : Exception(message, inner);
