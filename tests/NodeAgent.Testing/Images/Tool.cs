using NodeAgent.Testing.Agent;

namespace NodeAgent.Testing.Images;

/// <summary>Programs of the distribution that make and read images; a test has nothing to do until they end.</summary>
public static class Tool
{
    /// <summary>Whether a program is on the path.</summary>
    public static bool Exists(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, name)));

    /// <summary>What the program wrote; throws with its errors when it fails.</summary>
    public static string Run(string program, params string[] arguments) =>
        CommandResult.RunAsync(program, arguments).GetAwaiter().GetResult().Checked().Output;

    public static string Shell(string script) => Run("/bin/sh", "-ec", script);
}
