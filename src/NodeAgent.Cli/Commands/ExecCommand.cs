using System.CommandLine;
using System.Text;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl exec [-it] POD [-c CONTAINER] -- COMMAND…</c></summary>
internal static class ExecCommand
{
    public static Command Create(GlobalOptions global)
    {
        var pod = new Argument<string>("POD") { Description = "The pod" };
        var words = new Argument<string[]>("COMMAND") { Description = "The command, after --", Arity = ArgumentArity.OneOrMore };
        var container = new Option<string?>("--container", "-c") { Description = "The container", HelpName = "NAME" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Hand standard input to the command" };
        var tty = new Option<bool>("--tty", "-t") { Description = "Give the command a terminal" };
        var command = new Command("exec", "Run a command in a container") { pod, words, container, stdin, tty };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string name = ResourceKind.PodName(parsed.GetValue(pod)!);
            bool withTty = parsed.GetValue(tty);
            if (withTty && !global.Io.InIsTerminal)
            {
                await global.Io.Error.WriteLineAsync("Unable to use a TTY - input is not a terminal or the right kind of file").ConfigureAwait(false);
                withTty = false;
            }
            var query = new StringBuilder("?stdout=true");
            if (parsed.GetValue(stdin)) query.Append("&stdin=true");
            query.Append(withTty ? "&tty=true" : "&stderr=true");
            if (parsed.GetValue(container) is { } chosen) query.Append("&container=").Append(Uri.EscapeDataString(chosen));
            foreach (string word in parsed.GetValue(words)!) query.Append("&command=").Append(Uri.EscapeDataString(word));
            string path = ResourceKind.Pods.Path(parsed.GetValue(global.Namespace), name) + "/exec" + query;
            var exec = new ExecClient(global.Io, global.Client(parsed), $"exec in pod/{name}", parsed.GetValue(stdin), withTty);
            return await exec.RunAsync(path, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }
}
