using NodeAgent.Cli;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class CommandLineTests
{
    [Theory(DisplayName = "a command line that is wrong exits with 2 and one line that says what and where to look")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("get", "get --help")]
    [InlineData("get colours", "there is no kind \"colours\" here")]
    [InlineData("get pods -o xml", "xml")]
    [InlineData("get pods --colour red", "--colour")]
    [InlineData("get pods/web events/x", "one kind at a time")]
    [InlineData("get pods/web x", "either KIND NAME… or KIND/NAME…")]
    [InlineData("get pods web -A", "a name and --all-namespaces do not go together")]
    [InlineData("get pods web -l app=web", "a name and a selector do not go together")]
    [InlineData("get pods a b -w", "one name at most")]
    [InlineData("describe", "describe --help")]
    [InlineData("describe pod", "describe needs")]
    [InlineData("describe image x", "describe needs")]
    [InlineData("logs", "logs --help")]
    [InlineData("logs node/x", "a pod is expected here, not a node")]
    [InlineData("logs web --since yesterday", "--since yesterday: expected a duration such as 30s, 10m or 1h30m")]
    [InlineData("logs web --tail many", "many")]
    [InlineData("logs web -c a --all-containers", "a container and --all-containers do not go together")]
    [InlineData("exec web", "exec --help")]
    [InlineData("exec web ls -l", "-l")]
    [InlineData("validate", "validate --help")]
    [InlineData("image", "image --help")]
    [InlineData("image load", "image load --help")]
    [InlineData("image ls -o name", "name")]
    [InlineData("version extra", "extra")]
    public async Task Wrong(string line, string message)
    {
        PodctlRun run = await PodctlRun.RunAsync(null, TimeProvider.System, ["--socket", "/nowhere", .. line.Split(' ')]);
        Assert.True(run.Code == ExitCode.WrongCommandLine, $"{run.Code}: {run.Error}");
        Assert.Contains(message, run.Error);
        Assert.StartsWith("podctl: ", run.Error);
        Assert.Equal(run.Error.Length - 1, run.Error.IndexOf('\n'));
        Assert.Equal("", run.Out);
    }

    [Theory(DisplayName = "help is no error and goes to standard output")]
    [InlineData("--help")]
    [InlineData("get --help")]
    [InlineData("image load -h")]
    public async Task Help(string line)
    {
        PodctlRun run = await PodctlRun.RunAsync(null, TimeProvider.System, line.Split(' '));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("Usage:", run.Out);
    }

    [Fact(DisplayName = "an agent that does not answer is named with its socket and what to do")]
    public async Task Unreachable()
    {
        PodctlRun missing = await PodctlRun.RunAsync(null, TimeProvider.System, "--socket", "/nowhere/agent.sock", "get", "pods");
        Assert.Equal((ExitCode.Failed, ""), (missing.Code, missing.Out));
        Assert.Equal("podctl: get pods: can't reach the agent at /nowhere/agent.sock: no such socket; start the agent with \"systemctl start podagent\", or name its socket with --socket\n", missing.Error);

        PodctlRun exec = await PodctlRun.RunAsync(null, TimeProvider.System, "--socket", "/nowhere/agent.sock", "exec", "web", "--", "ls");
        Assert.Equal(ExitCode.Failed, exec.Code);
        Assert.Contains("exec in pod/web: can't reach the agent at /nowhere/agent.sock: no such socket", exec.Error);
    }

    [Theory(DisplayName = "durations are read as Go reads them")]
    [InlineData("30s", 30)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5h", 5400)]
    [InlineData("250ms", 0.25)]
    [InlineData("2m3s", 123)]
    public void Durations(string text, double seconds) => Assert.Equal(seconds, DurationText.Parse("--since", text).TotalSeconds, 6);

    [Theory(DisplayName = "what is no duration is refused")]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("1d")]
    [InlineData("1..5s")]
    public void NoDurations(string text) => Assert.Equal(ExitCode.WrongCommandLine, Assert.Throws<PodctlException>(() => DurationText.Parse("--since", text)).ExitCode);
}
