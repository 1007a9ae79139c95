using System.Diagnostics;

namespace NodeAgent.Testing.Agent;

/// <summary>What a finished command said.</summary>
public sealed record CommandResult(string Command, int ExitCode, string Output, string Error)
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(3);

    /// <summary>Runs a command to its end; one that does not end within the limit, by default three minutes, is killed and reported.</summary>
    public static async Task<CommandResult> RunAsync(string file, IEnumerable<string> arguments, string? workingDirectory = null, TimeSpan? limit = null)
    {
        var info = new ProcessStartInfo(file)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = workingDirectory ?? "/",
        };
        foreach (string argument in arguments)
            info.ArgumentList.Add(argument);
        using Process process = Process.Start(info) ?? throw new InvalidOperationException("cannot start " + file);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var late = new CancellationTokenSource(limit ?? DefaultLimit);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException cancelled)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{file} {string.Join(' ', info.ArgumentList)} did not end within {limit ?? DefaultLimit}", cancelled);
        }

        return new CommandResult(file + " " + string.Join(' ', info.ArgumentList), process.ExitCode, await output, await error);
    }

    /// <summary>The result itself when the command succeeded; else an exception with everything it said.</summary>
    public CommandResult Checked() => ExitCode == 0
        ? this
        : throw new InvalidOperationException($"{Command} ended with {ExitCode}\n{Output}{Error}");
}
