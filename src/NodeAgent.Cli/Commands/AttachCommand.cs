using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl attach [-it] POD [-c CONTAINER]</c></summary>
internal static class AttachCommand
{
    private const string DefaultAnnotation = "kubectl.kubernetes.io/default-container";

    public static Command Create(GlobalOptions global)
    {
        var pod = new Argument<string>("POD") { Description = "The pod" };
        var container = new Option<string?>("--container", "-c") { Description = "The container", HelpName = "NAME" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Hand standard input to the container" };
        var tty = new Option<bool>("--tty", "-t") { Description = "Use the container's terminal; Ctrl-P Ctrl-Q lets go of it" };
        var command = new Command("attach", "Be at the outputs, and perhaps the input, of a container's own process") { pod, container, stdin, tty };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            PodctlIo io = global.Io;
            AgentClient client = global.Client(parsed);
            string name = ResourceKind.PodName(parsed.GetValue(pod)!), what = $"attach to pod/{name}";
            string path = ResourceKind.Pods.Path(parsed.GetValue(global.Namespace), name);
            JsonElement chosen = Container(client.Get(path, what), parsed.GetValue(container), what, io);
            string containerName = chosen.GetProperty("name").GetString()!;
            bool withStdin = parsed.GetValue(stdin), withTty = parsed.GetValue(tty);
            if (withStdin && !IsTrue(chosen, "stdin"))
                throw new PodctlException($"{what}: container {containerName} has no input; it needs stdin: true in its manifest");
            if (withTty && !IsTrue(chosen, "tty")) withTty = await WithoutAsync(io, $"container {containerName} did not allocate one").ConfigureAwait(false);
            else if (withTty && !io.InIsTerminal) withTty = await WithoutAsync(io, "input is not a terminal or the right kind of file").ConfigureAwait(false);
            if (withTty && withStdin) await io.Error.WriteLineAsync("If you don't see a command prompt, try pressing enter. Ctrl-P Ctrl-Q leaves, and lets it run.").ConfigureAwait(false);
            string query = $"?container={Uri.EscapeDataString(containerName)}&stdout=true{(withStdin ? "&stdin=true" : "")}{(withTty ? "&tty=true" : "&stderr=true")}";
            var attach = new ExecClient(io, client, what, withStdin, withTty) { CanDetach = withTty };
            return await attach.RunAsync(path + "/attach" + query, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<bool> WithoutAsync(PodctlIo io, string why)
    {
        await io.Error.WriteLineAsync("Unable to use a TTY - " + why).ConfigureAwait(false);
        return false;
    }

    private static JsonElement Container(JsonElement pod, string? name, string what, PodctlIo io)
    {
        JsonElement spec = pod.GetProperty("spec");
        JsonElement[] regular = List(spec, "containers");
        bool named = name is not null;
        if (name is null && pod.GetProperty("metadata").TryGetProperty("annotations", out JsonElement annotations)
            && annotations.TryGetProperty(DefaultAnnotation, out JsonElement preferred)) name = preferred.GetString();
        name ??= regular[0].GetProperty("name").GetString()!;
        if (!named && regular.Length > 1)
            io.Error.WriteLine($"Defaulted container \"{name}\" out of: {string.Join(", ", regular.Select(one => one.GetProperty("name").GetString()))}");
        foreach (JsonElement one in regular.Concat(List(spec, "initContainers")))
        {
            if (one.GetProperty("name").GetString() == name) return one;
        }
        throw new PodctlException($"{what}: container {name} is not valid for the pod");
    }

    private static JsonElement[] List(JsonElement spec, string name) => spec.TryGetProperty(name, out JsonElement list) ? [.. list.EnumerateArray()] : [];

    private static bool IsTrue(JsonElement container, string field) => container.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.True;
}
