using System.Text;
using NodeAgent.Cli;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class PodCommandTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "logs of one container come as they are; the options reach the agent")]
    public async Task Logs()
    {
        Publish("main");
        Log("main", "one", "two", "three");
        Assert.Equal("one\ntwo\nthree\n", (await PodctlRun.AgainstAsync(_api, "logs", "web")).Out);
        Assert.Equal("three\n", (await PodctlRun.AgainstAsync(_api, "logs", "pod/web", "--tail", "1")).Out);
        Assert.Equal("2026-03-01T12:00:00.000000000Z three\n", (await PodctlRun.AgainstAsync(_api, "logs", "web", "main", "--tail=1", "--timestamps")).Out);
        Assert.Equal("one", (await PodctlRun.AgainstAsync(_api, "logs", "web", "-c", "main", "--limit-bytes", "3")).Out);
        Assert.Equal("", (await PodctlRun.AgainstAsync(_api, "logs", "web", "--since-time", "2026-03-01T12:00:01Z")).Out);
    }

    [Fact(DisplayName = "several containers: the first is taken and said so, all are shown one after the other, and named if asked for")]
    public async Task LogsOfSeveral()
    {
        Publish("main", "side");
        Log("main", "one");
        Log("side", "two");
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "logs", "web");
        Assert.Equal(("one\n", "Defaulted container \"main\" out of: main, side\n"), (run.Out, run.Error));
        Assert.Equal("one\ntwo\n", (await PodctlRun.AgainstAsync(_api, "logs", "web", "--all-containers")).Out);
        Assert.Equal("[pod/web/main] one\n[pod/web/side] two\n", (await PodctlRun.AgainstAsync(_api, "logs", "web", "--all-containers", "--prefix")).Out);
    }

    [Theory(DisplayName = "logs that can't be had say why; an unknown pod exits with 3")]
    [InlineData("logs nobody", 3, "logs of pod/nobody: pods \"nobody\" not found")]
    [InlineData("logs web -c nope", 1, "logs of pod/web: container nope is not valid for pod web")]
    [InlineData("logs web -p", 1, "logs of pod/web: previous terminated container \"main\" in pod \"web\" not found")]
    public async Task NoLogs(string line, int code, string message)
    {
        Publish("main");
        Log("main", "one");
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal((code, "", $"podctl: {message}\n"), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "a command's outputs and its exit code are podctl's own")]
    [InlineData(0)]
    [InlineData(42)]
    public async Task Exec(int exitCode)
    {
        Publish("main");
        ExecRequest? seen = null;
        _api.Runtime.OnExec = request =>
        {
            seen = request;
            return new CommandSession(request, async session =>
            {
                await session.Out.WriteAsync("out\n"u8.ToArray());
                await session.Err.WriteAsync("err\n"u8.ToArray());
                return exitCode;
            });
        };
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "exec", "web", "--", "sh", "-c", "echo a b & exit");
        Assert.Equal((exitCode, "out\n", "err\n"), (run.Code, run.Out, run.Error));
        Assert.Equal(["sh", "-c", "echo a b & exit"], seen!.Command);
        Assert.False(seen.Stdin || seen.Tty);
    }

    [Fact(DisplayName = "standard input is handed over to its end; without a terminal -t is passed over with a word")]
    public async Task ExecInput()
    {
        Publish("main");
        _api.Runtime.OnExec = request => new CommandSession(request, async session =>
        {
            using var reader = new StreamReader(session.In);
            await session.Out.WriteAsync(Encoding.UTF8.GetBytes((await reader.ReadToEndAsync()).ToUpperInvariant()));
            return request.Tty ? 1 : 0;
        });
        PodctlRun run = await PodctlRun.RunAsync("hello", _api.Time, "--socket", _api.Paths.ApiSocket, "exec", "-it", "web", "--", "cat");
        Assert.Equal((0, "HELLO", "Unable to use a TTY - input is not a terminal or the right kind of file\n"), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "a command that can't be run says the agent's reason")]
    [InlineData("nobody", 3, "exec in pod/nobody: pods \"nobody\" not found")]
    [InlineData("web", 1, "exec in pod/web: container c0ffee: not found")]
    public async Task ExecRefused(string pod, int code, string message)
    {
        Publish("main");
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "exec", pod, "--", "ls");
        Assert.Equal((code, $"podctl: {message}\n"), (run.Code, run.Error));
    }

    [Fact(DisplayName = "describe shows containers, states, conditions and the pod's events in kubectl's layout")]
    public async Task Describe()
    {
        Publish("main");
        _api.Events.Record(_api.RunningPod("default", "web"), EventType.Normal, "Started", "started container main", "main");
        _api.Events.Record(_api.RunningPod("default", "other", uid: "u2"), EventType.Normal, "Started", "of another pod");
        _api.Time.Advance(TimeSpan.FromMinutes(2));
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "describe", "pod", "web");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            """
            Name:         web
            Namespace:    default
            UID:          uid-1
            Node:         node1
            Start Time:   <unknown>
            Labels:       app=web
            Annotations:  <none>
            Status:       Running
            IP:           10.88.0.2
            Containers:
              main:
                Container ID:   podagent://c0ffee
                Image:          busybox
                Image ID:       <none>
                Ports:          <none>
                State:          Running
                  Started:      Sun, 01 Mar 2026 11:55:00 +0000
                Ready:          True
                Restart Count:  0
                Environment:    <none>
                Mounts:         <none>
            Conditions:
              Type   Status
              Ready  True
            Volumes:         <none>
            QoS Class:       <none>
            Restart Policy:  <none>
            Events:
              Type    Reason   Age  From      Message
              ----    ------   ---  ----      -------
              Normal  Started  2m   podagent  started container main

            """, run.Out);
        Assert.Contains("Pods (1 in total):", (await PodctlRun.AgainstAsync(_api, "describe", "node")).Out);
    }

    [Fact(DisplayName = "images are loaded from a file or standard input, listed and removed; what is not there exits with 3")]
    public async Task Images()
    {
        string file = Path.Combine(_api.Root, "web.tar");
        await File.WriteAllTextAsync(file, "localhost/web:1", TestContext.Current.CancellationToken);
        PodctlRun loaded = await PodctlRun.AgainstAsync(_api, "image", "load", file);
        Assert.Equal((0, $"loaded localhost/web:1 (sha256:{new string('a', 64)})\n"), (loaded.Code, loaded.Out));
        PodctlRun fromInput = await PodctlRun.RunAsync("x", _api.Time, "--socket", _api.Paths.ApiSocket, "image", "load", "-", "--name", "localhost/db:2");
        Assert.Equal(0, fromInput.Code);
        Assert.Contains("localhost/db:2    aaaaaaaaaaaa   1B", (await PodctlRun.AgainstAsync(_api, "image", "ls")).Out);
        PodctlRun removed = await PodctlRun.AgainstAsync(_api, "image", "rm", "localhost/nothing:1", "localhost/db:2");
        Assert.Equal((3, "removed localhost/db:2\n", "podctl: image rm localhost/nothing:1: images \"localhost/nothing:1\" not found; podctl image ls shows all\n"),
            (removed.Code, removed.Out, removed.Error));
        PodctlRun missing = await PodctlRun.AgainstAsync(_api, "image", "load", "/no/such.tar");
        Assert.Equal(3, missing.Code);
        PodctlRun broken = await PodctlRun.RunAsync("broken", _api.Time, "--socket", _api.Paths.ApiSocket, "image", "load", "-");
        Assert.Equal(1, broken.Code);
        Assert.Contains("image load -: ", broken.Error);
        Assert.Contains("not an image archive", broken.Error);
    }

    [Fact(DisplayName = "the version is podctl's, the agent's, and that of the API it speaks")]
    public async Task Version()
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "version");
        Assert.Equal((0, "podctl: 0.1.0\nagent: 0.1.0\nKubernetes API: v1.36.0\n"), (run.Code, run.Out));
        Assert.Equal("podctl: 0.1.0\n", (await PodctlRun.RunAsync(null, _api.Time, "version", "--client")).Out);
    }

    [Fact(DisplayName = "doctor says what is fine and what to do about the rest, with an agent and without")]
    public async Task Doctor()
    {
        Publish("main");
        foreach (string folder in new[] { "lib", "run", "log", "etc" }) Directory.CreateDirectory(Path.Combine(_api.Root, folder));
        Directory.CreateDirectory(Path.Combine(_api.Root, "run/pods/leftover-uid"));
        Directory.CreateDirectory(Path.Combine(_api.Root, "run/pods/uid-1"));
        string[] folders = ["--root-dir", _api.Root + "/lib", "--run-dir", _api.Root + "/run", "--log-dir", _api.Root + "/log", "--manifest-dir", _api.Root + "/etc"];
        PodctlRun run = await PodctlRun.AgainstAsync(_api, ["doctor", .. folders]);
        Assert.Contains("ok       agent: ready", run.Out);
        Assert.Contains("ok       pods: 1\n", run.Out);
        Assert.Contains("warning  leftovers: records or volumes of pods that the agent does not show: leftover-uid", run.Out);
        Assert.Contains($"ok       manifests: {_api.Root}/etc\n", run.Out);
        Assert.DoesNotContain('\u001b', run.Out);

        File.SetUnixFileMode(_api.Root + "/etc", (UnixFileMode)0b111_111_111);
        await _api.StopServerAsync();
        PodctlRun without = await PodctlRun.AgainstAsync(_api, ["doctor", .. folders]);
        Assert.Equal(1, without.Code);
        Assert.Contains("error    agent: the agent: can't reach the agent at", without.Out);
        Assert.Contains($"error    manifests: {_api.Root}/etc can be written by everybody, who are root by it; chmod o-w {_api.Root}/etc", without.Out);
        Assert.Contains("warning  pods: 2 pods run, or have run, without an agent to look after them; an agent that starts takes them over", without.Out);
        Assert.Matches(@"[1-9]\d* errors, \d+ warnings\n$", without.Out);
    }

    private void Publish(params string[] containers)
    {
        Pod pod = _api.RunningPod("default", "web");
        ContainerStatus status = pod.Status!.ContainerStatuses![0];
        _api.Pods.Publish(pod with
        {
            Spec = pod.Spec! with { Containers = [.. containers.Select(name => new Container { Name = name, Image = "busybox" })] },
            Status = pod.Status with { ContainerStatuses = [.. containers.Select(name => status with { Name = name })] },
        }, new PodUid("uid-1"));
    }

    private void Log(string container, params string[] lines)
    {
        string folder = Path.Combine(_api.Paths.PodLogs("default", "web", "uid-1"), container);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "0.log"), string.Concat(lines.Select(line => $"2026-03-01T12:00:00.000000000Z stdout F {line}\n")));
    }
}
