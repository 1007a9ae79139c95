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
        command.SetAction((parsed, cancellationToken) => RunAsync(
            global.Io,
            global.Client(parsed),
            new GetRequest(
                parsed.GetValue(what)!, parsed.GetValue(output)!, parsed.GetValue(all) ? null : parsed.GetValue(global.Namespace), parsed.GetValue(watch),
                parsed.GetValue(labels), parsed.GetValue(fields), !parsed.GetValue(noHeaders)),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(PodctlIo io, AgentClient client, GetRequest request, CancellationToken cancellationToken)
    {
        using (client)
        {
            (ResourceKind kind, IReadOnlyList<string> names) = request.Target();
            var get = new Get(io, client, request, kind);
            if (request.Watch) return await get.WatchAsync(names, cancellationToken).ConfigureAwait(false);
            return names.Count > 0
                ? await get.NamedAsync(names, cancellationToken).ConfigureAwait(false)
                : await get.ListAsync(cancellationToken).ConfigureAwait(false);
        }
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

        public async Task<int> ListAsync(CancellationToken cancellationToken)
        {
            JsonElement list = await client.GetAsync(kind.Path(request.Namespace) + request.Query(("limit", "500")), "get " + kind.Plural, cancellationToken, Accept)
                .ConfigureAwait(false);
            await PrintListAsync(list).ConfigureAwait(false);
            return ExitCode.Fine;
        }

        /// <summary>Shows every one that there is; those that there are not make the exit code.</summary>
        public async Task<int> NamedAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        {
            RefuseSelectors("a name");
            if (kind.Namespaced && request.Namespace is null)
                throw new PodctlException($"get {kind.Plural}: a name and --all-namespaces do not go together; say the namespace with -n", ExitCode.WrongCommandLine);
            int code = ExitCode.Fine;
            foreach (string name in names)
            {
                try
                {
                    JsonElement one = await client.GetAsync(kind.Path(request.Namespace, name), $"get {kind.Singular}/{name}", cancellationToken, Accept).ConfigureAwait(false);
                    if (request.Output == "yaml" && names.Count > 1) await io.Out.WriteAsync("---\n").ConfigureAwait(false);
                    PrintOne(one);
                }
                catch (PodctlException missing) when (missing.ExitCode == ExitCode.NotFound)
                {
                    await io.Out.FlushAsync(cancellationToken).ConfigureAwait(false);
                    string where = kind.Namespaced ? $" in namespace {request.Namespace}; podctl get {kind.Plural} -A shows all" : "";
                    await io.Error.WriteLineAsync($"podctl: {missing.Message}{where}").ConfigureAwait(false);
                    code = ExitCode.NotFound;
                }
            }
            return code;
        }

        public async Task<int> WatchAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        {
            string? fields = request.Fields;
            if (names.Count > 1) throw new PodctlException("get --watch takes one name at most", ExitCode.WrongCommandLine);
            if (names.Count == 1)
            {
                RefuseSelectors("a name");
                fields = "metadata.name=" + names[0];
            }
            GetRequest narrowed = request with { Fields = fields };
            JsonElement list = await client.GetAsync(kind.Path(request.Namespace) + narrowed.Query(("limit", "500")), "get " + kind.Plural, cancellationToken, Accept)
                .ConfigureAwait(false);
            PrintItems(list);
            await io.Out.FlushAsync(cancellationToken).ConfigureAwait(false);
            string version = list.GetProperty("metadata").GetProperty("resourceVersion").GetString()!;
            using HttpResponseMessage response = await client.SendAsync(
                HttpMethod.Get, kind.Path(request.Namespace) + narrowed.Query(("watch", "true"), ("resourceVersion", version)),
                "watch " + kind.Plural, cancellationToken, Accept).ConfigureAwait(false);
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
            while (await ReadLineAsync(lines, cancellationToken).ConfigureAwait(false) is { } line)
            {
                using JsonDocument change = JsonDocument.Parse(line);
                JsonElement value = change.RootElement.GetProperty("object");
                if (change.RootElement.GetProperty("type").GetString() == "ERROR")
                    throw new PodctlException($"watch {kind.Plural}: {value.GetProperty("message").GetString()}; start it again");
                PrintOne(value);
                await io.Out.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
            throw new PodctlException($"watch {kind.Plural}: the agent has closed the watch; is it being stopped?");
        }

        private static async Task<string?> ReadLineAsync(StreamReader lines, CancellationToken cancellationToken)
        {
            try
            {
                return await lines.ReadLineAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is HttpRequestException or IOException)
            {
                // The agent was killed: the same end, less orderly.
                return null;
            }
        }

        private async Task PrintListAsync(JsonElement list)
        {
            if (request.Output is "json") JsonOutput.Write(io.Out, list);
            else if (request.Output is "yaml") YamlOutput.Write(io.Out, list);
            else if (PrintItems(list) == 0 && request.IsTable)
                await io.Error.WriteLineAsync(kind.Namespaced && request.Namespace is not null ? $"No resources found in {request.Namespace} namespace." : "No resources found").ConfigureAwait(false);
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
