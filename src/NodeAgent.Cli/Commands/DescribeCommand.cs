using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Commands.Images;
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
        command.SetAction(parsed =>
        {
            string[] words = parsed.GetValue(what)!;
            if (words is [var pair] && pair.Split('/', 2) is [var kindName, var only]) words = [kindName, only];
            ResourceKind kind = ResourceKind.Parse(words[0]);
            string? name = words.Length > 1 ? words[1] : null;
            AgentClient client = global.Client(parsed);
            Description description;
            if (kind == ResourceKind.Nodes) description = DescribeNode(client, name, global.Io);
            else if (kind == ResourceKind.Pods && name is not null) description = DescribePod(client, parsed.GetValue(global.Namespace)!, name, global.Io);
            else throw new PodctlException("describe needs \"pod NAME\" or \"node\"", ExitCode.WrongCommandLine);
            global.Io.Out.Write(description.ToString());
            return ExitCode.Fine;
        });
        return command;
    }

    private static Description DescribePod(AgentClient client, string podNamespace, string name, PodctlIo io)
    {
        JsonElement json = client.Get(ResourceKind.Pods.Path(podNamespace, name), $"describe pod/{name}");
        Pod pod = json.Deserialize(KubernetesJson.Wire.Pod)!;
        string selector = $"involvedObject.kind=Pod,involvedObject.name={name},involvedObject.namespace={podNamespace},involvedObject.uid={pod.Metadata!.Uid}";
        IReadOnlyList<Event> events = Events(client, ResourceKind.Events.Path(podNamespace), selector);
        var description = new Description();
        PodDescription.Write(description, pod);
        EventLines.Write(description, events, io.Time.GetUtcNow());
        return description;
    }

    private static Description DescribeNode(AgentClient client, string? name, PodctlIo io)
    {
        JsonElement json = name is null
            ? client.Get(ResourceKind.Nodes.Path(null), "describe node").GetProperty("items")[0]
            : client.Get(ResourceKind.Nodes.Path(null, name), $"describe node/{name}");
        Node node = json.Deserialize(KubernetesJson.Wire.Node)!;
        JsonElement pods = client.Get(ResourceKind.Pods.Path(null), "describe node");
        IReadOnlyList<Event> events = Events(client, ResourceKind.Events.Path(null), "involvedObject.kind=Node");
        var description = new Description();
        NodeDescription.Write(description, node, ImageFsLine.WithContainers(client, "describe node"), pods.Deserialize(KubernetesJson.Wire.PodList)!.Items, io.Time.GetUtcNow());
        EventLines.Write(description, events, io.Time.GetUtcNow());
        return description;
    }

    private static IReadOnlyList<Event> Events(AgentClient client, string path, string selector)
    {
        JsonElement list = client.Get($"{path}?limit=500&fieldSelector={Uri.EscapeDataString(selector)}", "describe: events");
        return list.Deserialize(KubernetesJson.Wire.EventList)!.Items;
    }
}
