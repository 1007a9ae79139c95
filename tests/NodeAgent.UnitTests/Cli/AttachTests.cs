using System.Text;
using NodeAgent.Cli.Client;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class AttachTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();
    private readonly List<AttachRequest> _asked = [];

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory(DisplayName = "both outputs come, and the container's exit code is podctl's own")]
    [InlineData(0)]
    [InlineData(137)]
    public async Task Outputs(int exitCode)
    {
        Publish(stdin: false);
        Attached(async session =>
        {
            await session.Out.WriteAsync("out\n"u8.ToArray());
            await session.Err.WriteAsync("err\n"u8.ToArray());
            return exitCode;
        });
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "attach", "web");
        Assert.Equal((exitCode, "out\n", "err\n"), (run.Code, run.Out, run.Error));
        Assert.Equal(new AttachRequest(new ContainerId("c0ffee"), Stdin: false, Stdout: true, Stderr: true), Assert.Single(_asked));
    }

    [Fact(DisplayName = "input goes to the container to its end; a terminal that the container has not is passed over with a word")]
    public async Task Input()
    {
        Publish(stdin: true);
        Attached(async session =>
        {
            using var reader = new StreamReader(session.In);
            await session.Out.WriteAsync(Encoding.UTF8.GetBytes((await reader.ReadToEndAsync()).ToUpperInvariant()));
            return 0;
        });
        PodctlRun run = await PodctlRun.RunAsync("hello", _api.Time, "--socket", _api.Paths.ApiSocket, "attach", "-it", "web");
        Assert.Equal((0, "HELLO", "Unable to use a TTY - container main did not allocate one\n"), (run.Code, run.Out, run.Error));
        Assert.True(Assert.Single(_asked).Stdin);
    }

    [Theory(DisplayName = "what can't be attached to says why")]
    [InlineData("attach nobody", 3, "pods \"nobody\" not found")]
    [InlineData("attach web -c nope", 1, "container nope is not valid")]
    [InlineData("attach web -i", 1, "container main has no input; it needs stdin: true in its manifest")]
    [InlineData("attach web", 1, "container c0ffee does not run")]
    public async Task Failures(string line, int code, string message)
    {
        Publish(stdin: false);
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Theory(DisplayName = "Ctrl-P Ctrl-Q lets go; a Ctrl-P alone reaches the other end with the key after it")]
    [InlineData("abc", "abc", false)]
    [InlineData("a\u0010\u0011b", "a", true)]
    [InlineData("\u0010|\u0011", "", true)]
    [InlineData("\u0010a", "\u0010a", false)]
    [InlineData("\u0010|a|b", "\u0010ab", false)]
    [InlineData("\u0010\u0010\u0011", "\u0010", true)]
    [InlineData("\u0011\u0010", "\u0011", false)]
    public void Keys(string typed, string sent, bool detached)
    {
        var keys = new DetachKeys();
        var output = new StringBuilder();
        bool let = false;
        foreach (string read in typed.Split('|'))
        {
            byte[] buffer = new byte[read.Length + 1];
            (int length, let) = keys.Filter(Encoding.ASCII.GetBytes(read), buffer);
            output.Append(Encoding.ASCII.GetString(buffer, 0, length));
        }
        Assert.Equal((sent, detached), (output.ToString(), let));
    }

    private void Publish(bool stdin)
    {
        Pod pod = _api.RunningPod("default", "web");
        Container main = pod.Spec!.Containers![0] with { Stdin = stdin ? true : null };
        _api.Pods.Publish(pod with { Spec = pod.Spec with { Containers = [main] } }, new PodUid("uid-1"));
    }

    private void Attached(Func<CommandSession, Task<int>> process) => _api.Runtime.OnAttach = request =>
    {
        _asked.Add(request);
        return new CommandSession(new ExecRequest(request.Container, [], Tty: false, request.Stdin), process);
    };
}
