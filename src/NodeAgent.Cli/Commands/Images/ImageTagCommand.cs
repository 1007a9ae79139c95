using System.CommandLine;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image tag IMAGE NAME…</c></summary>
internal static class ImageTagCommand
{
    public static Command Create(GlobalOptions global)
    {
        var image = new Argument<string>("IMAGE") { Description = "Name or id of an image" };
        var names = new Argument<string[]>("NAME") { Description = "Its further names", Arity = ArgumentArity.OneOrMore };
        var command = new Command("tag", "Give an image further names; a name that another image has moves") { image, names };
        command.SetAction(parsed =>
        {
            string source = parsed.GetValue(image)!;
            string[] targets = parsed.GetValue(names)!;
            string query = "?" + string.Join('&', targets.Select(name => "tag=" + Uri.EscapeDataString(name)));
            AgentClient client = global.Client(parsed);
            using HttpExchange answer = client.Send("POST", ResourceKind.Images.Path(null, source) + query, "image tag " + source);
            foreach (string name in targets) global.Io.Out.Write($"tagged {source} as {name}\n");
            return ExitCode.Fine;
        });
        return command;
    }
}
