using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl version</c>: of podctl, and of the agent if one answers.</summary>
internal static class VersionCommand
{
    public static string ClientVersion { get; } =
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static Command Create(GlobalOptions global)
    {
        var client = new Option<bool>("--client") { Description = "Only podctl's own" };
        var command = new Command("version", "Show the versions of podctl and of the agent") { client };
        command.SetAction(parsed =>
        {
            global.Io.Out.Write($"podctl: {ClientVersion}\n");
            if (parsed.GetValue(client)) return ExitCode.Fine;
            JsonElement version = global.Client(parsed).Get("/version", "version of the agent");
            string text = version.GetProperty("gitVersion").GetString()!;
            const string Mark = "-podagent.";
            int mark = text.IndexOf(Mark, StringComparison.Ordinal);
            global.Io.Out.Write(mark < 0 ? $"agent: {text}\n" : $"agent: {text[(mark + Mark.Length)..]}\nKubernetes API: {text[..mark]}\n");
            return ExitCode.Fine;
        });
        return command;
    }
}
