using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Model;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl describe pod NAME</c>, <c>podctl describe node</c></summary>
internal static class DescribeCommand
{
    public static Command Create(GlobalOptions global)
    {
        var what = new Argument<string[]>("KIND[/NAME] NAME") { Description = "pod or node, and a name", Arity = new ArgumentArity(1, 2) };
        var command = new Command("describe", "Show everything about one pod, or about the node") { what };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string[] words = parsed.GetValue(what)!;
            if (words is [var pair] && pair.Split('/', 2) is [var kindName, var only]) words = [kindName, only];
            ResourceKind kind = ResourceKind.Parse(words[0]);
            string? name = words.Length > 1 ? words[1] : null;
            using AgentClient client = global.Client(parsed);
            Description description;
            if (kind == ResourceKind.Nodes) description = await NodeAsync(client, name, global.Io, cancellationToken).ConfigureAwait(false);
            else if (kind == ResourceKind.Pods && name is not null) description = await PodAsync(client, parsed.GetValue(global.Namespace)!, name, global.Io, cancellationToken).ConfigureAwait(false);
            else throw new PodctlException("describe needs \"pod NAME\" or \"node\"", ExitCode.WrongCommandLine);
            await global.Io.Out.WriteAsync(description.ToString()).ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return command;
    }

    private static async Task<Description> PodAsync(AgentClient client, string podNamespace, string name, PodctlIo io, CancellationToken cancellationToken)
    {
        JsonElement json = await client.GetAsync(ResourceKind.Pods.Path(podNamespace, name), $"describe pod/{name}", cancellationToken).ConfigureAwait(false);
        Pod pod = json.Deserialize(KubernetesJson.Wire.Pod)!;
        string selector = $"involvedObject.kind=Pod,involvedObject.name={name},involvedObject.namespace={podNamespace},involvedObject.uid={pod.Metadata!.Uid}";
        IReadOnlyList<Event> events = await EventsAsync(client, ResourceKind.Events.Path(podNamespace), selector, cancellationToken).ConfigureAwait(false);
        var description = new Description();
        PodDescription.Write(description, pod);
        EventLines.Write(description, events, io.Time.GetUtcNow());
        return description;
    }

    private static async Task<Description> NodeAsync(AgentClient client, string? name, PodctlIo io, CancellationToken cancellationToken)
    {
        JsonElement json = name is null
            ? (await client.GetAsync(ResourceKind.Nodes.Path(null), "describe node", cancellationToken).ConfigureAwait(false)).GetProperty("items")[0]
            : await client.GetAsync(ResourceKind.Nodes.Path(null, name), $"describe node/{name}", cancellationToken).ConfigureAwait(false);
        Node node = json.Deserialize(KubernetesJson.Wire.Node)!;
        JsonElement pods = await client.GetAsync(ResourceKind.Pods.Path(null), "describe node", cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Event> events = await EventsAsync(client, ResourceKind.Events.Path(null), "involvedObject.kind=Node", cancellationToken).ConfigureAwait(false);
        var description = new Description();
        NodeDescription.Write(description, node, pods.Deserialize(KubernetesJson.Wire.PodList)!.Items, io.Time.GetUtcNow());
        EventLines.Write(description, events, io.Time.GetUtcNow());
        return description;
    }

    private static async Task<IReadOnlyList<Event>> EventsAsync(AgentClient client, string path, string selector, CancellationToken cancellationToken)
    {
        JsonElement list = await client.GetAsync($"{path}?limit=500&fieldSelector={Uri.EscapeDataString(selector)}", "describe: events", cancellationToken).ConfigureAwait(false);
        return list.Deserialize(KubernetesJson.Wire.EventList)!.Items;
    }
}
