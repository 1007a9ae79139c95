using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image prune</c></summary>
internal static class ImagePruneCommand
{
    private const string What = "image prune";

    public static Command Create(GlobalOptions global)
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also images that have a tag" };
        var force = new Option<bool>("--force", "-f") { Description = "Do not ask first" };
        var command = new Command("prune", "Remove images that no pod uses and that have no tag") { all, force };
        command.SetAction(parsed =>
        {
            AgentClient client = global.Client(parsed);
            string path = ResourceKind.Images.Path(null) + "?prune=" + (parsed.GetValue(all) ? "unused" : "untagged");
            if (!parsed.GetValue(force) && !IsAgreed(global.Io, Send(client, path + "&dryRun=All")))
                return ExitCode.Failed;
            JsonElement done = Send(client, path);
            foreach (JsonElement image in done.GetProperty("removed").EnumerateArray())
                global.Io.Out.Write($"removed {Describe(image)}\n");
            foreach (JsonElement failure in done.GetProperty("failures").EnumerateArray())
                global.Io.Error.WriteLine("podctl: " + What + ": " + TablePrinter.Safe(failure.GetString()!));
            global.Io.Out.Write($"Total reclaimed space: {ByteSize.Format(done.GetProperty("freedBytes").GetInt64())}\n");
            return done.GetProperty("failures").GetArrayLength() == 0 ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }

    private static JsonElement Send(AgentClient client, string path)
    {
        using HttpExchange answer = client.Send("DELETE", path, What);
        return client.Parse(answer, What);
    }

    /// <summary>Shows what would go and asks. Nothing to remove needs no answer.</summary>
    private static bool IsAgreed(PodctlIo io, JsonElement plan)
    {
        JsonElement removed = plan.GetProperty("removed");
        if (removed.GetArrayLength() == 0)
            return true;
        io.Error.WriteLine("These images would be removed:");
        foreach (JsonElement image in removed.EnumerateArray())
            io.Error.WriteLine("  " + Describe(image));
        io.Error.Write("Go on? [y/N] ");
        string? line;
        using (var input = new StreamReader(io.In, leaveOpen: true))
            line = input.ReadLine();
        if (line?.Trim() is "y" or "Y" or "yes")
            return true;
        io.Error.WriteLine(line is null ? "\npodctl: image prune: nobody has answered, so nothing was removed; --force does not ask" : "podctl: image prune: nothing was removed");
        return false;
    }

    private static string Describe(JsonElement image) =>
        TablePrinter.Safe($"{image.GetProperty("metadata").GetProperty("name").GetString()} ({image.GetProperty("id").GetString()})");
}
