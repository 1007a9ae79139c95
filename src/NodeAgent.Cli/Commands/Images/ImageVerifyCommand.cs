using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image verify [--output FORM]</c></summary>
internal static class ImageVerifyCommand
{
    public static Command Create(GlobalOptions global)
    {
        var output = new Option<string>("--output", "-o") { Description = "The form: text, json or yaml", HelpName = "FORM", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json", "yaml");
        var command = new Command("verify", "Read all images that are stored and compare them with their digests") { output };
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            using HttpExchange answer = client.Send("POST", ResourceKind.Images.Path(null) + "?verify=true", "image verify");
            JsonElement verification = client.Parse(answer, "image verify");
            switch (parsed.GetValue(output))
            {
                case "json": JsonOutput.Write(global.Io.Out, verification); break;
                case "yaml": YamlOutput.Write(global.Io.Out, verification); break;
                default: WriteText(global.Io.Out, verification); break;
            }
            return verification.GetProperty("findings").GetArrayLength() == 0 ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }

    private static void WriteText(TextWriter output, JsonElement verification)
    {
        foreach (JsonElement finding in verification.GetProperty("findings").EnumerateArray())
        {
            string images = string.Join(", ", finding.GetProperty("images").EnumerateArray().Select(image => image.GetString()));
            string digest = finding.TryGetProperty("digest", out JsonElement value) ? value.GetString() + ": " : "";
            string line = $"{(images.Length == 0 ? "" : images + ": ")}{digest}{finding.GetProperty("problem").GetString()}; {finding.GetProperty("remedy").GetString()}";
            output.Write($"{finding.GetProperty("fault").GetString()!.ToLowerInvariant(),-8}  {TablePrinter.Safe(line)}\n");
        }
        int faults = verification.GetProperty("findings").GetArrayLength();
        output.Write($"{Count("images", "image")}, {Count("blobs", "blob")}, {ByteSize.Format(verification.GetProperty("bytes").GetInt64())}: "
            + $"{(faults == 0 ? "nothing is wrong" : faults == 1 ? "1 fault" : $"{faults} faults")}\n");

        string Count(string property, string one)
        {
            int count = verification.GetProperty(property).GetInt32();
            return $"{count} {(count == 1 ? one : one + "s")}";
        }
    }
}
