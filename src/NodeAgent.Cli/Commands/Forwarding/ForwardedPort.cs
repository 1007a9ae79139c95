using System.Globalization;
using System.Text.Json;

namespace NodeAgent.Cli.Commands.Forwarding;

/// <param name="Local">0 for any free one.</param>
internal readonly record struct ForwardedPort(int Local, int Remote)
{
    /// <summary><c>80</c>, <c>8080:80</c>, <c>:80</c>; the pod's port may be one of its containers' names of ports.</summary>
    /// <exception cref="PodctlException">2: it is none; 1: the pod has no such name.</exception>
    public static ForwardedPort Parse(string text, JsonElement pod, string what)
    {
        string[] parts = text.Split(':');
        if (parts.Length > 2 || parts[^1].Length == 0) throw Wrong(text, what);
        int remote = Number(parts[^1]) ?? (char.IsAsciiDigit(parts[^1][0]) ? throw Wrong(text, what) : Named(parts[^1], pod, what));
        if (parts.Length == 1) return new ForwardedPort(remote, remote);
        return new ForwardedPort(parts[0].Length == 0 ? 0 : Number(parts[0]) ?? throw Wrong(text, what), remote);
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ushort.MaxValue ? number : null;

    private static int Named(string name, JsonElement pod, string what)
    {
        JsonElement spec = pod.GetProperty("spec");
        foreach (string list in (string[])["containers", "initContainers"])
        {
            if (!spec.TryGetProperty(list, out JsonElement containers)) continue;
            foreach (JsonElement container in containers.EnumerateArray())
            {
                if (!container.TryGetProperty("ports", out JsonElement ports)) continue;
                foreach (JsonElement port in ports.EnumerateArray())
                {
                    if (port.TryGetProperty("name", out JsonElement named) && named.GetString() == name) return port.GetProperty("containerPort").GetInt32();
                }
            }
        }
        throw new PodctlException($"{what}: the pod has no port with the name {name}");
    }

    private static PodctlException Wrong(string text, string what) =>
        new($"{what}: {text}: expected [LOCAL:]REMOTE with ports from 1 to 65535", ExitCode.WrongCommandLine);
}
