using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands.Images;

/// <summary>What all images of the node take on disk, in a line: a sum of the sizes of each would count twice what they share.</summary>
internal static class ImageFsLine
{
    private const string Path = "/apis/podagent.io/v1alpha1/imagefs";

    /// <param name="what">For an error: what was tried.</param>
    public static string Of(AgentClient client, string what) => Of(client.Get(Path, what));

    /// <summary>And what containers have written over them.</summary>
    public static string WithContainers(AgentClient client, string what)
    {
        JsonElement usage = client.Get(Path + "?containers=true", what);
        return Of(usage) + $"; {ByteSize.Format(usage.GetProperty("containersBytes").GetInt64())} written by containers";
    }

    private static string Of(JsonElement usage) =>
        $"{ByteSize.Format(usage.GetProperty("contentBytes").GetInt64())} compressed, {ByteSize.Format(usage.GetProperty("unpackedBytes").GetInt64())} unpacked on disk, "
        + "what several images share counted once";
}
