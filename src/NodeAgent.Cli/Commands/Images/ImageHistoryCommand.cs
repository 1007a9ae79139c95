using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image history [--output FORM] [--no-trunc] IMAGE</c></summary>
internal static class ImageHistoryCommand
{
    private const int ShortId = 12;
    private const int ShortStep = 45;

    public static Command Create(GlobalOptions global)
    {
        var name = new Argument<string>("IMAGE") { Description = "Name or id of an image" };
        var output = new Option<string>("--output", "-o") { Description = "The form: table, json or yaml", HelpName = "FORM", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "json", "yaml");
        var whole = new Option<bool>("--no-trunc") { Description = "Show ids and steps in full" };
        var command = new Command("history", "Show the steps that made an image, the latest first") { name, output, whole };
        command.SetAction(parsed =>
        {
            string image = parsed.GetValue(name)!;
            JsonElement details = ImageInspectCommand.Get(global.Client(parsed), image, "image history " + image);
            switch (parsed.GetValue(output))
            {
                case "json": JsonOutput.Write(global.Io.Out, details.GetProperty("history")); break;
                case "yaml": YamlOutput.Write(global.Io.Out, details.GetProperty("history")); break;
                default: WriteTable(global.Io, details, parsed.GetValue(whole)); break;
            }
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>The latest step is the image; those below are not images of their own.</summary>
    private static void WriteTable(PodctlIo io, JsonElement details, bool whole)
    {
        string id = details.GetProperty("id").GetString()!;
        string top = whole ? id : id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..][..ShortId];
        var lines = new List<string[]> { new[] { "ID", "CREATED", "CREATED BY", "SIZE", "COMMENT" } };
        foreach (JsonElement step in details.GetProperty("history").EnumerateArray().Reverse())
        {
            string created = step.TryGetProperty("created", out JsonElement time) && time.TryGetDateTimeOffset(out DateTimeOffset at)
                ? HumanDuration.Format(io.Time.GetUtcNow() - at)
                : "<unknown>";
            string by = TablePrinter.Safe(step.GetProperty("createdBy").GetString()!.ReplaceLineEndings(" "));
            if (!whole && by.Length > ShortStep) by = by[..(ShortStep - 1)] + "…";
            lines.Add(
            [
                lines.Count == 1 ? top : "<missing>", created, by.Length == 0 ? "<missing>" : by, ByteSize.Format(step.GetProperty("sizeBytes").GetInt64()),
                TablePrinter.Safe(step.GetProperty("comment").GetString()!.ReplaceLineEndings(" ")),
            ]);
        }
        new TablePrinter(io.Out, wide: false, withNamespace: false, headers: true).PrintLines(lines);
    }
}
