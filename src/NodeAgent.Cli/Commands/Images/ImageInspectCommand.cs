using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image inspect [--output FORM] IMAGE…</c></summary>
internal static class ImageInspectCommand
{
    public static Command Create(GlobalOptions global)
    {
        var names = new Argument<string[]>("IMAGE") { Description = "Names or ids of images", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--output", "-o") { Description = "The form: json or yaml", HelpName = "FORM", DefaultValueFactory = _ => "json" };
        output.AcceptOnlyFromAmong("json", "yaml");
        var command = new Command("inspect", "Show everything about images: names, digests, configuration, layers, history") { names, output };
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            bool yaml = parsed.GetValue(output) == "yaml";
            string[] images = parsed.GetValue(names)!;
            return EachImage.Do(global.Io, images, name =>
            {
                JsonElement details = Get(client, name, "image inspect " + name);
                if (yaml && images.Length > 1) global.Io.Out.Write("---\n");
                if (yaml) YamlOutput.Write(global.Io.Out, details);
                else JsonOutput.Write(global.Io.Out, details);
            });
        });
        return command;
    }

    /// <summary>An ImageDetails object.</summary>
    public static JsonElement Get(AgentClient client, string name, string what) => client.Get(ResourceKind.Images.Path(null, name) + "?details=true", what);
}
