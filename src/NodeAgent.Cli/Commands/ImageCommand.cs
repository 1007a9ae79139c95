using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl image load|ls|rm</c></summary>
internal static class ImageCommand
{
    public static Command Create(GlobalOptions global) =>
        new("image", "Bring images to this node, show and remove them") { CreateLoad(global), CreateList(global), CreateRemove(global) };

    private static Command CreateLoad(GlobalOptions global)
    {
        var file = new Argument<string>("FILE") { Description = "An OCI image layout (folder or tar) or a docker archive; - reads standard input" };
        var name = new Option<string?>("--name") { Description = "The name of the image, when the archive has exactly one", HelpName = "NAME" };
        var command = new Command("load", "Load images from an archive") { file, name };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using AgentClient client = global.Client(parsed);
            JsonElement loaded = await LoadAsync(global.Io, client, parsed.GetValue(file)!, parsed.GetValue(name), cancellationToken).ConfigureAwait(false);
            foreach (JsonElement image in loaded.GetProperty("items").EnumerateArray())
                await global.Io.Out.WriteAsync($"loaded {image.GetProperty("metadata").GetProperty("name").GetString()} ({image.GetProperty("id").GetString()})\n").ConfigureAwait(false);
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
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using AgentClient client = global.Client(parsed);
            string form = parsed.GetValue(output)!;
            bool table = form is "table" or "wide";
            JsonElement list = await client.GetAsync(ResourceKind.Images.Path(null), "image ls", cancellationToken, table ? AgentClient.TableAccept : "application/json").ConfigureAwait(false);
            if (form == "json") JsonOutput.Write(global.Io.Out, list);
            else if (form == "yaml") YamlOutput.Write(global.Io.Out, list);
            else if (new TablePrinter(global.Io.Out, form == "wide", withNamespace: false, headers: true).Print(list) == 0)
                await global.Io.Error.WriteLineAsync("No resources found").ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return command;
    }

    private static Command CreateRemove(GlobalOptions global)
    {
        var names = new Argument<string[]>("IMAGE") { Description = "Names or ids of images", Arity = ArgumentArity.OneOrMore };
        var command = new Command("rm", "Remove names of images, and the images that have no name left") { names };
        command.Aliases.Add("remove");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using AgentClient client = global.Client(parsed);
            int code = ExitCode.Fine;
            foreach (string name in parsed.GetValue(names)!)
            {
                try
                {
                    using HttpResponseMessage response = await client.SendAsync(HttpMethod.Delete, ResourceKind.Images.Path(null, name), "image rm " + name, cancellationToken).ConfigureAwait(false);
                    await global.Io.Out.WriteAsync($"removed {name}\n").ConfigureAwait(false);
                }
                catch (PodctlException missing) when (missing.ExitCode == ExitCode.NotFound)
                {
                    await global.Io.Error.WriteLineAsync($"podctl: {missing.Message}; podctl image ls shows all").ConfigureAwait(false);
                    code = ExitCode.NotFound;
                }
            }
            return code;
        });
        return command;
    }

    private static async Task<JsonElement> LoadAsync(PodctlIo io, AgentClient client, string file, string? name, CancellationToken cancellationToken)
    {
        string query = name is null ? "" : "?name=" + Uri.EscapeDataString(name);
        if (Directory.Exists(file))
        {
            // A folder is read by the agent in place: it runs on this machine.
            query += (query.Length == 0 ? "?" : "&") + "path=" + Uri.EscapeDataString(Path.GetFullPath(file));
            return await PostAsync(client, query, null, file, cancellationToken).ConfigureAwait(false);
        }
        // A file is sent, since the agent may see another /tmp than its caller.
        Stream archive = file == "-" ? io.In : OpenArchive(file);
        await using (archive.ConfigureAwait(false))
        {
            using var body = new StreamContent(archive, 128 * 1024);
            body.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
            return await PostAsync(client, query, body, file, cancellationToken).ConfigureAwait(false);
        }
    }

    private static FileStream OpenArchive(string file)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new PodctlException($"image load {file}: {error.Message}", error is FileNotFoundException or DirectoryNotFoundException ? ExitCode.NotFound : ExitCode.Failed, error);
        }
    }

    private static async Task<JsonElement> PostAsync(AgentClient client, string query, HttpContent? body, string file, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await client.SendAsync(
            HttpMethod.Post, ResourceKind.Images.Path(null) + query, "image load " + file, cancellationToken, body: body).ConfigureAwait(false);
        using Stream answer = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        using JsonDocument document = await JsonDocument.ParseAsync(answer, default, cancellationToken).ConfigureAwait(false);
        return document.RootElement.Clone();
    }
}
