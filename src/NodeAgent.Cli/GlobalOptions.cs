using System.CommandLine;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli;

/// <summary>The options that every command takes.</summary>
internal sealed class GlobalOptions
{
    public const string DefaultSocket = "/run/podagent/podagent.sock";

    public GlobalOptions(PodctlIo io)
    {
        Io = io;
        Socket = new Option<string>("--socket")
        {
            Description = $"The agent's socket (environment: PODAGENT_SOCKET, default {DefaultSocket})",
            HelpName = "FILE",
            Recursive = true,
            DefaultValueFactory = _ => io.Environment("PODAGENT_SOCKET") is { Length: > 0 } set ? set : DefaultSocket,
        };
        Namespace = new Option<string>("--namespace", "-n")
        {
            Description = "The namespace to look in",
            HelpName = "NAME",
            Recursive = true,
            DefaultValueFactory = _ => "default",
        };
    }

    public PodctlIo Io { get; }
    public Option<string> Socket { get; }
    public Option<string> Namespace { get; }

    public AgentClient Client(ParseResult parsed) => new(parsed.GetValue(Socket)!, Io);
}
