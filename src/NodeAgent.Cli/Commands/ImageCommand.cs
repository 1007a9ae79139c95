using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Commands.Images;
using NodeAgent.Cli.Output;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl image …</c>: every verb, and those that read an archive or the list.</summary>
internal static class ImageCommand
{
    public static Command Create(GlobalOptions global) =>
        new("image", "Bring images to this node, show and remove them")
        {
            PullCommand.Create(global),
            CreateLoad(global),
            CreateList(global),
            ImageInspectCommand.Create(global),
            ImageHistoryCommand.Create(global),
            ImageTagCommand.Create(global),
            ImageRemoveCommand.Create(global),
            ImagePruneCommand.Create(global),
            ImageImportCommand.Create(global),
            ImageSaveCommand.Create(global),
            ImageVerifyCommand.Create(global),
        };

    private static Command CreateLoad(GlobalOptions global)
    {
        var file = new Argument<string>("FILE") { Description = "An OCI image layout (folder or tar) or a docker archive; - reads standard input" };
        var name = new Option<string?>("--name") { Description = "The name of the image, when the archive has exactly one", HelpName = "NAME" };
        var command = new Command("load", "Load images from an archive") { file, name };
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            JsonElement loaded = Load(global.Io, client, parsed.GetValue(file)!, parsed.GetValue(name));
            foreach (JsonElement image in loaded.GetProperty("items").EnumerateArray())
                global.Io.Out.Write($"loaded {image.GetProperty("metadata").GetProperty("name").GetString()} ({image.GetProperty("id").GetString()})\n");
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command CreateList(GlobalOptions global)
    {
        var output = new Option<string>("--output", "-o") { Description = "The form: table, wide, json or yaml", HelpName = "FORM", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "wide", "json", "yaml");
        var command = new Command("ls", "Show the images of this node") { output };
        command.Aliases.Add("list");
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            string form = parsed.GetValue(output)!;
            bool table = form is "table" or "wide";
            JsonElement list = client.Get(ResourceKind.Images.Path(null), "image ls", table ? AgentClient.TableAccept : "application/json");
            if (form == "json") JsonOutput.Write(global.Io.Out, list);
            else if (form == "yaml") YamlOutput.Write(global.Io.Out, list);
            else if (new TablePrinter(global.Io.Out, form == "wide", withNamespace: false, headers: true).Print(list) == 0)
                global.Io.Error.WriteLine("No resources found");
            else if (form == "wide") global.Io.Out.Write(ImageFsLine.Of(client, "image ls") + "\n");
            return ExitCode.Fine;
        });
        return command;
    }

    private static JsonElement Load(PodctlIo io, AgentClient client, string file, string? name)
    {
        string query = name is null ? "" : "?name=" + Uri.EscapeDataString(name);
        if (Directory.Exists(file))
        {
            // A folder is read by the agent in place: it runs on this machine.
            query += (query.Length == 0 ? "?" : "&") + "path=" + Uri.EscapeDataString(Path.GetFullPath(file));
            return Post(client, query, null, file);
        }
        // A file is sent, since the agent may see another /tmp than its caller.
        using Stream archive = file == "-" ? io.In : ArchiveInput.Open(file, "image load " + file);
        return Post(client, query, archive, file);
    }

    private static JsonElement Post(AgentClient client, string query, Stream? archive, string file)
    {
        using HttpExchange answer = client.Send("POST", ResourceKind.Images.Path(null) + query, "image load " + file, content: archive, headers: ("Content-Type", "application/x-tar"));
        return client.Parse(answer, "image load " + file);
    }
}
