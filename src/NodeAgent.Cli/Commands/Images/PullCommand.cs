using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image pull</c></summary>
internal static class PullCommand
{
    public static Command Create(GlobalOptions global)
    {
        var names = new Argument<string[]>("IMAGE") { Description = "Names of images, as a manifest has them", Arity = ArgumentArity.OneOrMore };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Print only the images' ids" };
        var command = new Command("pull", "Bring images from their registries to this node") { names, quiet };
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            foreach (string name in parsed.GetValue(names)!)
            {
                JsonElement image = Pull(global.Io, client, name, parsed.GetValue(quiet));
                string id = image.GetProperty("id").GetString()!;
                global.Io.Out.Write(parsed.GetValue(quiet) ? id + "\n" : $"pulled {name} ({id})\n");
                global.Io.Out.Flush();
            }
            return ExitCode.Fine;
        });
        return command;
    }

    private static JsonElement Pull(PodctlIo io, AgentClient client, string name, bool quiet)
    {
        string what = "image pull " + name;
        using HttpExchange answer = client.Send("POST", $"{ResourceKind.Images.Path(null)}?pull={Uri.EscapeDataString(name)}&watch=true", what);
        using var lines = new StreamReader(answer.Body);
        PullDisplay? display = quiet ? null : new PullDisplay(io);
        while (ReadLine(lines, what) is { } line)
        {
            using JsonDocument change = JsonDocument.Parse(line);
            JsonElement value = change.RootElement.GetProperty("object");
            switch (change.RootElement.GetProperty("type").GetString())
            {
                case "PROGRESS":
                    display?.Show(value.GetProperty("layers"));
                    break;
                case "ERROR":
                    throw new PodctlException(value.GetProperty("message").GetString()!);
                default:
                    return value.Clone();
            }
        }
        throw new PodctlException($"{what}: the agent ended the answer early; is it being stopped?");
    }

    private static string? ReadLine(StreamReader lines, string what)
    {
        try
        {
            return lines.ReadLine();
        }
        catch (IOException e)
        {
            throw new PodctlException($"{what}: {e.Message}", ExitCode.Failed, e);
        }
    }
}
