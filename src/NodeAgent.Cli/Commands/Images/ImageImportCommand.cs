using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image import [--change INSTRUCTION]… [--message TEXT] FILE NAME</c></summary>
internal static class ImageImportCommand
{
    public static Command Create(GlobalOptions global)
    {
        var file = new Argument<string>("FILE") { Description = "A tar file of a root filesystem, plain or packed with gzip or zstd; - reads standard input" };
        var name = new Argument<string>("NAME") { Description = "The name of the image" };
        var change = new Option<string[]>("--change", "-c")
        {
            Description = "How it is run, as a Dockerfile says it, e.g. 'CMD [\"sh\"]': CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR; any number of times",
            HelpName = "INSTRUCTION",
            AllowMultipleArgumentsPerToken = false,
        };
        var message = new Option<string?>("--message", "-m") { Description = "A comment for the image's history", HelpName = "TEXT" };
        var command = new Command("import", "Make an image of a root filesystem") { file, name, change, message };
        command.SetAction(parsed =>
        {
            var query = new List<string> { "import=" + Uri.EscapeDataString(parsed.GetValue(name)!) };
            query.AddRange((parsed.GetValue(change) ?? []).Select(text => "change=" + Uri.EscapeDataString(text)));
            if (parsed.GetValue(message) is { Length: > 0 } comment) query.Add("message=" + Uri.EscapeDataString(comment));
            JsonElement imported = Import(global, global.Client(parsed), parsed.GetValue(file)!, "?" + string.Join('&', query));
            JsonElement image = imported.GetProperty("items")[0];
            global.Io.Out.Write($"imported {parsed.GetValue(name)} ({image.GetProperty("id").GetString()})\n");
            return ExitCode.Fine;
        });
        return command;
    }

    private static JsonElement Import(GlobalOptions global, AgentClient client, string file, string query)
    {
        string what = "image import " + file;
        // Sent, since the agent may see another /tmp than its caller.
        using Stream archive = file == "-" ? global.Io.In : ArchiveInput.Open(file, what);
        using HttpExchange answer = client.Send("POST", ResourceKind.Images.Path(null) + query, what, content: archive, headers: ("Content-Type", "application/x-tar"));
        return client.Parse(answer, what);
    }
}
