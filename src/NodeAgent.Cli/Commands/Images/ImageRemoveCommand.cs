using System.CommandLine;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image rm [--force] IMAGE…</c></summary>
internal static class ImageRemoveCommand
{
    public static Command Create(GlobalOptions global)
    {
        var names = new Argument<string[]>("IMAGE") { Description = "Names or ids of images", Arity = ArgumentArity.OneOrMore };
        var force = new Option<bool>("--force", "-f") { Description = "Remove images that pods use, too; their containers go on" };
        var command = new Command("rm", "Remove names of images, and the images that have no name left") { names, force };
        command.Aliases.Add("remove");
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            string query = parsed.GetValue(force) ? "?force=true" : "";
            return EachImage.Do(global.Io, parsed.GetValue(names)!, name =>
            {
                using HttpExchange answer = client.Send("DELETE", ResourceKind.Images.Path(null, name) + query, "image rm " + name);
                global.Io.Out.Write($"removed {name}\n");
            });
        });
        return command;
    }
}
