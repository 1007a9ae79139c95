using System.CommandLine;
using System.Text;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl get KIND [NAME…]</c>, <c>podctl get KIND/NAME…</c></summary>
internal static class GetCommand
{
    public static Command Create(GlobalOptions global)
    {
        var what = new Argument<string[]>("KIND[/NAME] NAME") { Description = "pods, events, nodes, images or manifesterrors, and perhaps names", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--output", "-o") { Description = "The form: table, wide, json, yaml or name", HelpName = "FORM", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "wide", "json", "yaml", "name");
        var all = new Option<bool>("--all-namespaces", "-A") { Description = "Look in all namespaces" };
        var watch = new Option<bool>("--watch", "-w") { Description = "Go on with what changes" };
        var labels = new Option<string?>("--selector", "-l") { Description = "Only those with these labels, e.g. app=web,tier!=test", HelpName = "SELECTOR" };
        var fields = new Option<string?>("--field-selector") { Description = "Only those with these fields, e.g. status.phase=Running", HelpName = "SELECTOR" };
        var noHeaders = new Option<bool>("--no-headers") { Description = "No line of headers" };
        var command = new Command("get", "Show pods, events, the node, images or faulty manifests") { what, output, all, watch, labels, fields, noHeaders };
        command.SetAction(parsed => Run(
            global.Io,
            global.Client(parsed),
            new GetRequest(
                parsed.GetValue(what)!, parsed.GetValue(output)!, parsed.GetValue(all) ? null : parsed.GetValue(global.Namespace), parsed.GetValue(watch),
                parsed.GetValue(labels), parsed.GetValue(fields), !parsed.GetValue(noHeaders))));
        return command;
    }

    private static int Run(PodctlIo io, AgentClient client, GetRequest request)
    {
        (ResourceKind kind, IReadOnlyList<string> names) = request.Target();
        var get = new Get(io, client, request, kind);
        if (request.Watch) return get.Watch(names);
        return names.Count > 0 ? get.Named(names) : get.List();
    }

    /// <param name="Namespace">Null for all.</param>
    private sealed record GetRequest(
        string[] What, string Output, string? Namespace, bool Watch, string? Labels, string? Fields, bool Headers)
    {
        public bool IsTable => Output is "table" or "wide";

        public (ResourceKind Kind, IReadOnlyList<string> Names) Target()
        {
            if (!What[0].Contains('/', StringComparison.Ordinal)) return (ResourceKind.Parse(What[0]), What[1..]);
            var pairs = What.Select(word => word.Split('/', 2)).ToList();
            if (pairs.Exists(pair => pair.Length < 2 || pair[1].Length == 0))
                throw new PodctlException($"get {string.Join(' ', What)}: either KIND NAME… or KIND/NAME…, not both", ExitCode.WrongCommandLine);
            ResourceKind[] kinds = [.. pairs.Select(pair => ResourceKind.Parse(pair[0])).Distinct()];
            if (kinds.Length > 1) throw new PodctlException("get shows one kind at a time", ExitCode.WrongCommandLine);
            return (kinds[0], [.. pairs.Select(pair => pair[1])]);
        }

        public string Query(params (string Name, string? Value)[] more)
        {
            var query = new StringBuilder();
            foreach ((string name, string? value) in new[] { ("labelSelector", Labels), ("fieldSelector", Fields) }.Concat(more))
            {
                if (string.IsNullOrEmpty(value)) continue;
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
            return query.ToString();
        }
    }

    private sealed class Get(PodctlIo io, AgentClient client, GetRequest request, ResourceKind kind)
    {
        private readonly TablePrinter _table = new(io.Out, request.Output == "wide", kind.Namespaced && request.Namespace is null, request.Headers);

        private string Accept => request.IsTable ? AgentClient.TableAccept : "application/json";

        public int List()
        {
            PrintList(client.Get(kind.Path(request.Namespace) + request.Query(("limit", "500")), "get " + kind.Plural, Accept));
            return ExitCode.Fine;
        }

        /// <summary>Shows every one that there is; those that there are not make the exit code.</summary>
        public int Named(IReadOnlyList<string> names)
        {
            RefuseSelectors("a name");
            if (kind.Namespaced && request.Namespace is null)
                throw new PodctlException($"get {kind.Plural}: a name and --all-namespaces do not go together; say the namespace with -n", ExitCode.WrongCommandLine);
            int code = ExitCode.Fine;
            foreach (string name in names)
            {
                try
                {
                    JsonElement one = client.Get(kind.Path(request.Namespace, name), $"get {kind.Singular}/{name}", Accept);
                    if (request.Output == "yaml" && names.Count > 1) io.Out.Write("---\n");
                    PrintOne(one);
                }
                catch (PodctlException missing) when (missing.ExitCode == ExitCode.NotFound)
                {
                    io.Out.Flush();
                    string where = kind.Namespaced ? $" in namespace {request.Namespace}; podctl get {kind.Plural} -A shows all" : "";
                    io.Error.WriteLine($"podctl: {missing.Message}{where}");
                    code = ExitCode.NotFound;
                }
            }
            return code;
        }

        public int Watch(IReadOnlyList<string> names)
        {
            string? fields = request.Fields;
            if (names.Count > 1) throw new PodctlException("get --watch takes one name at most", ExitCode.WrongCommandLine);
            if (names.Count == 1)
            {
                RefuseSelectors("a name");
                fields = "metadata.name=" + names[0];
            }
            GetRequest narrowed = request with { Fields = fields };
            JsonElement list = client.Get(kind.Path(request.Namespace) + narrowed.Query(("limit", "500")), "get " + kind.Plural, Accept);
            PrintItems(list);
            io.Out.Flush();
            string version = list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
            using HttpExchange answer = client.Send(
                "GET", kind.Path(request.Namespace) + narrowed.Query(("watch", "true"), ("resourceVersion", version)), "watch " + kind.Plural, Accept);
            using var lines = new StreamReader(answer.Body);
            while (ReadLine(lines) is { } line)
            {
                using JsonDocument change = JsonDocument.Parse(line);
                JsonElement value = change.RootElement.GetProperty("object");
                if (change.RootElement.GetProperty("type").GetString() == "ERROR")
                    throw new PodctlException($"watch {kind.Plural}: {value.GetProperty("message").GetString()}; start it again");
                PrintOne(value);
                io.Out.Flush();
            }
            throw new PodctlException($"watch {kind.Plural}: the agent has closed the watch; is it being stopped?");
        }

        private static string? ReadLine(StreamReader lines)
        {
            try
            {
                return lines.ReadLine();
            }
            catch (IOException)
            {
                // The agent was killed: the same end, less orderly.
                return null;
            }
        }

        private void PrintList(JsonElement list)
        {
            if (request.Output is "json") JsonOutput.Write(io.Out, list);
            else if (request.Output is "yaml") YamlOutput.Write(io.Out, list);
            else if (PrintItems(list) == 0 && request.IsTable)
                io.Error.WriteLine(kind.Namespaced && request.Namespace is not null ? $"No resources found in {request.Namespace} namespace." : "No resources found");
        }

        private int PrintItems(JsonElement list)
        {
            if (request.IsTable) return _table.Print(list);
            int count = 0;
            foreach (JsonElement item in list.GetProperty("items").EnumerateArray())
            {
                PrintOne(item);
                count++;
            }
            return count;
        }

        private void PrintOne(JsonElement value)
        {
            switch (request.Output)
            {
                case "json":
                    JsonOutput.Write(io.Out, value);
                    break;
                case "yaml":
                    if (request.Watch) io.Out.Write("---\n");
                    YamlOutput.Write(io.Out, value);
                    break;
                case "name":
                    io.Out.Write($"{kind.QualifiedSingular}/{value.GetProperty("metadata").GetProperty("name").GetString()}\n");
                    break;
                default:
                    _table.Print(value);
                    break;
            }
        }

        private void RefuseSelectors(string beside)
        {
            if (request.Labels is not null || request.Fields is not null)
                throw new PodctlException($"get {kind.Plural}: {beside} and a selector do not go together", ExitCode.WrongCommandLine);
        }
    }
}
