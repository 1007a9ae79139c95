using System.CommandLine;
using System.CommandLine.Parsing;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Commands;
using NodeAgent.Cli.Commands.Forwarding;
using NodeAgent.Cli.Commands.Waiting;

namespace NodeAgent.Cli;

/// <summary>The command line: <c>podctl COMMAND …</c>, in kubectl's words where kubectl has them.</summary>
internal static class Podctl
{
    public static async Task<int> RunAsync(string[] args, PodctlIo io)
    {
        try
        {
            int code = await ParseAndRunAsync(args, io).ConfigureAwait(false);
            await io.Out.FlushAsync().ConfigureAwait(false);
            return code;
        }
        catch (PodctlException error)
        {
            return await FailAsync(io, error.Message, error.ExitCode).ConfigureAwait(false);
        }
        catch (OutputClosedException)
        {
            return ExitCode.BrokenPipe;
        }
        catch (IOException error)
        {
            return await FailAsync(io, error.Message, ExitCode.Failed).ConfigureAwait(false);
        }
    }

    /// <summary>Every command with its options.</summary>
    internal static RootCommand Commands(PodctlIo io)
    {
        var global = new GlobalOptions(io);
        var root = new RootCommand("Looks at the pods of this node, and at what podagent does with them.") { global.Socket, global.Namespace };
        Command[] commands =
        [
            GetCommand.Create(global), DescribeCommand.Create(global), LogsCommand.Create(global), ExecCommand.Create(global), AttachCommand.Create(global), CopyCommand.Create(global), PortForwardCommand.Create(global), ValidateCommand.Create(global),
            ExplainCommand.Create(global), WaitCommand.Create(global), DeleteCommand.Create(global), DrainCommand.Create(global), DrainCommand.CreateUncordon(global), DrainCommand.CreateCordon(global), ImageCommand.Create(global), DoctorCommand.Create(global), VersionCommand.Create(global),
        ];
        foreach (Command command in commands) root.Add(command);
        RemoveVersionOption(root);
        return root;
    }

    private static async Task<int> ParseAndRunAsync(string[] args, PodctlIo io)
    {
        RootCommand root = Commands(io);
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
        {
            string path = CommandPath(parsed.CommandResult);
            return await FailAsync(io, $"{ErrorOf(parsed).TrimEnd('.')} (see {path} --help)", ExitCode.WrongCommandLine).ConfigureAwait(false);
        }
        if (UnknownOption(parsed) is { } unknown)
            return await FailAsync(io, $"unknown option {unknown} (see {CommandPath(parsed.CommandResult)} --help)", ExitCode.WrongCommandLine).ConfigureAwait(false);
        return await parsed.InvokeAsync(new InvocationConfiguration { Output = io.Out, Error = io.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, io.Stopping)
            .ConfigureAwait(false);
    }

    // `podctl version` is the one way: it also says what the agent is.
    private static void RemoveVersionOption(RootCommand root)
    {
        foreach (Option option in root.Options.Where(option => option is VersionOption).ToArray()) root.Options.Remove(option);
    }

    // "A command is missing" is the first error of a misspelt one; the misspelling says more.
    private static string ErrorOf(ParseResult parsed) =>
        parsed.UnmatchedTokens.Count > 0 && parsed.CommandResult.Command is RootCommand ? $"there is no command \"{parsed.UnmatchedTokens[0]}\"" : parsed.Errors[0].Message;

    /// <summary>The parser takes an option that it does not know for an argument, where a command takes any number of them.</summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        Token? before = null;
        foreach (Token token in parsed.Tokens)
        {
            if (token.Type == TokenType.DoubleDash) return null;
            bool isValue = before?.Type == TokenType.Option && !IsFlag(parsed, before.Value);
            if (token.Type == TokenType.Argument && !isValue && token.Value.Length > 1 && token.Value[0] == '-') return token.Value;
            before = token;
        }
        return null;
    }

    private static bool IsFlag(ParseResult parsed, string name) =>
        parsed.CommandResult.Command.Options.Concat(parsed.RootCommandResult.Command.Options)
            .FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name))?.ValueType == typeof(bool);

    private static string CommandPath(CommandResult result)
    {
        var names = new List<string>();
        for (SymbolResult? at = result; at is CommandResult command; at = command.Parent) names.Insert(0, command.Parent is null ? "podctl" : command.Command.Name);
        return string.Join(' ', names);
    }

    private static async Task<int> FailAsync(PodctlIo io, string message, int exitCode)
    {
        try
        {
            await io.Out.FlushAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The reader of the output has gone; the error may still be read.
        }
        await io.Error.WriteLineAsync("podctl: " + message.ReplaceLineEndings(" ")).ConfigureAwait(false);
        return exitCode;
    }
}
