using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Bundle;

/// <summary>What a container runs, where and with which variables: the manifest's word over the image's.</summary>
public static class ContainerCommand
{
    /// <summary>
    /// <c>command</c> replaces the image's entrypoint and its arguments; <c>args</c> alone replaces only the arguments.
    /// References to the manifest's variables are expanded in both, not in what the image brings.
    /// </summary>
    /// <param name="variables">The manifest's own (<see cref="ContainerEnvironment.FromManifest"/>).</param>
    /// <exception cref="PodRuntimeException">CreateContainerError: neither the manifest nor the image says what to run.</exception>
    public static IReadOnlyList<string> Argv(Container container, ImageConfig image, IReadOnlyList<KeyValuePair<string, string>> variables)
    {
        Dictionary<string, string> values = new(variables, StringComparer.Ordinal);
        string[] Expanded(IReadOnlyList<string>? words) =>
            [.. (words ?? []).Select(word => VariableExpansion.Expand(word, name => values.GetValueOrDefault(name)))];

        string[] command = Expanded(container.Command);
        string[] args = Expanded(container.Args);
        IReadOnlyList<string> argv = command.Length > 0
            ? [.. command, .. args]
            : [.. image.Entrypoint, .. args.Length > 0 ? args : image.Cmd];
        if (argv.Count == 0)
        {
            throw new PodRuntimeException(
                RuntimeFailure.CreateContainerError, $"container {container.Name}: no command specified, neither in the manifest nor in the image {container.Image}");
        }
        return argv;
    }

    /// <summary>The manifest's working directory, else the image's, else the root; a relative one starts at the root.</summary>
    public static string WorkingDirectory(Container container, ImageConfig image)
    {
        string directory = !string.IsNullOrEmpty(container.WorkingDir) ? container.WorkingDir : image.WorkingDir;
        return directory.StartsWith('/') ? directory : "/" + directory;
    }
}
