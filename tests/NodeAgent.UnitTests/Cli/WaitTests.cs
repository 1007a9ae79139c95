using System.Text.Json;
using NodeAgent.Cli;
using NodeAgent.Cli.Commands.Waiting;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class WaitTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory(DisplayName = "what holds already is met at once, also without any patience")]
    [InlineData("wait pod/web --for=condition=Ready")]
    [InlineData("wait pods web --for=condition=ready=True")]
    [InlineData("wait po/web --for=condition=Ready=true")]
    [InlineData("wait pods -l app=web --for=condition=Ready")]
    [InlineData("wait --all --for=condition=Ready")]
    [InlineData("wait pod/web --for=jsonpath={.status.phase}=Running")]
    [InlineData("wait pod/web --for=jsonpath=.status.phase=Running")]
    [InlineData("wait pod/web --for=jsonpath={.status.podIP}")]
    [InlineData("wait pod/web --for=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True")]
    [InlineData("wait pod/web --for=create")]
    public async Task Holds(string line)
    {
        Publish("web", ready: true);
        PodctlRun run = await PodctlRun.AgainstAsync(_api, [.. line.Split(' '), "--timeout=0"]);
        Assert.Equal((0, "pod/web condition met\n", ""), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "what does not come in time is one line that says what is so instead, and exit code 1")]
    [InlineData("wait pod/web --for=condition=Ready --timeout=50ms", "condition=Ready not met within 50ms: pod/web: Ready is False, ContainersNotReady: main is not ready")]
    [InlineData("wait pod/web --for=condition=Ready --timeout=0", "condition=Ready not met now: pod/web: Ready is False, ContainersNotReady: main is not ready")]
    [InlineData("wait pod/web --for=condition=Odd --timeout=0s", "condition=Odd not met now: pod/web: it has no condition Odd")]
    [InlineData("wait pod/web --for=jsonpath={.status.phase}=Failed --timeout=0", "jsonpath={.status.phase}=Failed not met now: pod/web: it is Running")]
    [InlineData("wait pod/web --for=delete --timeout=50ms", "delete not met within 50ms: pod/web: it is there")]
    [InlineData("wait pods web other --for=create --timeout=50ms", "create not met within 50ms: pod/other: it is not there")]
    [InlineData("wait pod/web --for=jsonpath={.spec.containers}=x --timeout=0", "--for=jsonpath: {.spec.containers} leads to a list or an object, which no value equals")]
    public async Task TooLate(string line, string message)
    {
        Publish("web", ready: false);
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal((1, $"podctl: wait{(message[0] == '-' ? " " : ": ")}{message}\n"), (run.Code, run.Error));
    }

    [Theory(DisplayName = "a pod that there is not exits with 3, but for a wait for its deletion, which is met")]
    [InlineData("wait pod/nobody --for=condition=Ready", 3, "", "podctl: wait: pod/nobody: not found in namespace default; podctl get pods -A shows all\n")]
    [InlineData("wait pod/nobody pod/web --for=delete --timeout=0", 1, "pod/nobody condition met\n", "podctl: wait: delete not met now: pod/web: it is there\n")]
    [InlineData("wait pods -l app=nobody --for=condition=Ready", 3, "", "podctl: wait: no pod matches\n")]
    [InlineData("wait pods -l app=nobody --for=delete", 0, "", "")]
    public async Task Absent(string line, int code, string output, string error)
    {
        Publish("web", ready: true);
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal((code, output, error), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "a command line that makes no sense says what would")]
    [InlineData("wait pod/web --for=ready", "expected condition=NAME")]
    [InlineData("wait --for=delete", "say which pods")]
    [InlineData("wait pod/web --all --for=delete", "do not go together")]
    [InlineData("wait pod/web -A --for=delete", "do not go together")]
    [InlineData("wait node/n --for=delete", "a pod is expected here")]
    [InlineData("wait pods web pod/db --for=delete", "not both")]
    [InlineData("wait pod/web --for=jsonpath={.a[}", "not understood")]
    [InlineData("wait pod/web --for=jsonpath={.a}b", "=VALUE is expected")]
    [InlineData("wait pod/web --for=delete --timeout=soon", "expected a duration")]
    public async Task Senseless(string line, string message)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal(2, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Fact(DisplayName = "a change is seen when it happens; each pod is told when it is met, and the last one ends the wait")]
    public async Task Changes()
    {
        Publish("web", ready: false);
        Publish("db", ready: false);
        using var output = new WaitingStream();
        using var io = new PodctlIo(Stream.Null, output, new MemoryStream()) { Time = _api.Time };
        Task<int> run = PodctlRun.StartAsync(io, "--socket", _api.Paths.ApiSocket, "wait", "pod/web", "pod/db", "--for=condition=Ready", "--timeout=1m");
        Publish("db", ready: true);
        await output.WaitForAsync("pod/db condition met\n");
        Assert.False(run.IsCompleted);
        Publish("web", ready: true);
        Assert.Equal(0, await run);
        await output.WaitForAsync("pod/web condition met\n");
    }

    [Fact(DisplayName = "a pod that is deleted is gone, also when one of its name follows at once; a wait for a condition goes on with that one")]
    public async Task Replaced()
    {
        Publish("web", ready: false);
        using var gone = new WaitingStream();
        using var ready = new WaitingStream();
        using var goneIo = new PodctlIo(Stream.Null, gone, new MemoryStream()) { Time = _api.Time };
        using var readyIo = new PodctlIo(Stream.Null, ready, new MemoryStream()) { Time = _api.Time };
        Task<int> forGone = PodctlRun.StartAsync(goneIo, "--socket", _api.Paths.ApiSocket, "wait", "pod/web", "--for=delete", "--timeout=-1s");
        Task<int> forReady = PodctlRun.StartAsync(readyIo, "--socket", _api.Paths.ApiSocket, "wait", "pod/web", "pod/watched", "--for=create", "--timeout=1m");
        await ready.WaitForAsync("pod/web condition met\n");
        Publish("watched", ready: true);
        Assert.Equal(0, await forReady);
        _api.Pods.Publish(Pod("web", ready: true, "uid-2"), new PodUid("uid-2"));
        Assert.False(forGone.IsCompleted);
        _api.Pods.Remove(new PodUid("web"));
        Assert.Equal(0, await forGone);
    }

    [Theory(DisplayName = "a path leads to the values that kubectl's leads to")]
    [InlineData("{.a.b}", "1")]
    [InlineData("$.a.b", "1")]
    [InlineData("a.b", "1")]
    [InlineData("{.a['b']}", "1")]
    [InlineData("{.labels.app\\.io/name}", "x")]
    [InlineData("{.labels[\"app.io/name\"]}", "x")]
    [InlineData("{.list[0].n}", "1")]
    [InlineData("{.list[-1].n}", "3")]
    [InlineData("{.list[*].n}", "1 2 3")]
    [InlineData("{.list[?(@.k==\"y\")].n}", "2")]
    [InlineData("{.list[?(@.k!=\"y\")].n}", "1 3")]
    [InlineData("{.list[?(@.n==3)].k}", "[z]")]
    [InlineData("{.a.*}", "1")]
    [InlineData("{.nothing.at.all}", "")]
    [InlineData("{.list[7]}", "")]
    public void Paths(string path, string values)
    {
        using var document = JsonDocument.Parse(
            """{"a":{"b":1},"labels":{"app.io/name":"x"},"list":[{"k":"x","n":1},{"k":"y","n":2},{"k":"[z]","n":3}]}""");
        Assert.Equal(values, string.Join(' ', JsonPath.Parse(path).Find(document.RootElement).Select(found => found.ToString())));
    }

    [Theory(DisplayName = "a path that is none, or asks for what is not known here, is refused")]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{.}")]
    [InlineData("{.a[}")]
    [InlineData("{.a[x]}")]
    [InlineData("{.a[?(@.b)]}")]
    [InlineData("{range .a}")]
    [InlineData("{.a}{.b}")]
    public void NoPaths(string path) => Assert.Throws<FormatException>(() => JsonPath.Parse(path));

    private void Publish(string name, bool ready) => _api.Pods.Publish(Pod(name, ready, name), new PodUid(name));

    private Pod Pod(string name, bool ready, string uid)
    {
        Pod pod = _api.RunningPod("default", name, uid: uid);
        return ready ? pod : pod with
        {
            Status = pod.Status! with
            {
                Conditions =
                [
                    new PodCondition { Type = PodConditionType.Ready, Status = ConditionStatus.False, Reason = "ContainersNotReady", Message = "main is not ready" },
                ],
            },
        };
    }
}
