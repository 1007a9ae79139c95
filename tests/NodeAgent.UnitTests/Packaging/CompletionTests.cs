using System.Diagnostics;
using Xunit;

namespace NodeAgent.UnitTests.Packaging;

/// <summary>The completion scripts ask the program itself; here each shell runs its script, with the podctl of this build.</summary>
public sealed class CompletionTests
{
    [Theory(DisplayName = "bash completes commands and options, and leaves the rest to its own file names")]
    [InlineData("podctl im", "image")]
    [InlineData("podctl image l", "list load ls")]
    [InlineData("podctl get --no", "--no-headers")]
    [InlineData("podctl get -", "--all-namespaces --field-selector --help --namespace --no-headers --output --selector --socket --watch -A -l -n -o -w")]
    [InlineData("podctl image load ", "")]
    public async Task Bash(string line, string expected) => Assert.Equal(expected, await RunAsync("bash", ["--norc", "-c", """
        source "$2/podctl.bash"
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        [[ $1 == *' ' ]] && { COMP_CWORD=${#COMP_WORDS[@]}; COMP_WORDS+=(''); }
        _podctl
        printf '%s\n' "${COMPREPLY[@]}"
        """, "bash", line]));

    [Theory(DisplayName = "fish completes commands and options")]
    [InlineData("podctl im", "image")]
    [InlineData("podctl image l", "list load ls")]
    [InlineData("podctl get --no", "--no-headers")]
    public async Task Fish(string line, string expected) =>
        Assert.Equal(expected, await RunAsync("fish", ["--no-config", "-c", "source $argv[2]/podctl.fish; complete -C $argv[1]", line]));

    [Theory(DisplayName = "zsh is offered commands and options")]
    [InlineData("podctl im", "image")]
    [InlineData("podctl get --no", "--no-headers")]
    [InlineData("podctl image load ", "files")]
    public async Task Zsh(string line, string expected) => Assert.Equal(expected, await RunAsync("zsh", ["-f", "-c", """
        compadd() { print -l -- "${(@P)2}" }
        _files() { print files }
        complete-now() { local BUFFER=$1 CURSOR=${#1} words=(${(z)1}); source $2/_podctl }
        complete-now "$1" "$2"
        """, "zsh", line]));

    /// <returns>What it printed, sorted, on one line.</returns>
    private static async Task<string> RunAsync(string shell, string[] arguments)
    {
        string? path = Environment.GetEnvironmentVariable("PATH");
        Assert.SkipUnless(path!.Split(':').Any(folder => File.Exists(Path.Combine(folder, shell))), $"{shell} is not installed");
        var info = new ProcessStartInfo(shell) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[.. arguments, PackageSources.PathOf("packaging/completions")])
            info.ArgumentList.Add(argument);
        info.Environment["PATH"] = AppContext.BaseDirectory + ":" + path;
        using Process process = Process.Start(info)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await error);
        return string.Join(' ', output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }
}
