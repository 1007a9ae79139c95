using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.KernelTests.Api;

/// <summary>kubectl itself as a client of the API, over a bridge from a loopback port. Which kubectl is there decides what is tested.</summary>
public sealed partial class KubectlTests : IAsyncLifetime
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly ApiFixture _api = new();
    private TcpBridge? _bridge;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _bridge = new TcpBridge(_api.Paths.ApiSocket);
        _api.Pods.Publish(_api.RunningPod("default", "web"), new PodUid("uid-1"));
        _api.Pods.Publish(_api.RunningPod("kube", "dns", uid: "uid-2"), new PodUid("uid-2"));
    }

    public async ValueTask DisposeAsync()
    {
        await _bridge!.DisposeAsync();
        await _api.DisposeAsync();
    }

    [Fact(DisplayName = "kubectl get prints the server's table, by short name, wide, and for all namespaces")]
    public async Task Get()
    {
        await NeedAsync();
        Assert.Equal("NAME   READY   STATUS    RESTARTS   AGE\nweb    1/1     Running   0          5m\n", (await KubectlAsync("get", "po")).Out);
        Assert.Equal(
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   IP          NODE    NOMINATED NODE   READINESS GATES\n"
            + "default     web    1/1     Running   0          5m    10.88.0.2   node1   <none>           <none>\n"
            + "kube        dns    1/1     Running   0          5m    10.88.0.2   node1   <none>           <none>\n", (await KubectlAsync("get", "pods", "-A", "-o", "wide")).Out);
        Assert.StartsWith("NAME    STATUS   ROLES", (await KubectlAsync("get", "nodes")).Out);
        _api.Images.Add("localhost/web:1", 5_000_000);
        Assert.Contains("localhost/web:1   aaaaaaaaaaaa   5.00MB", (await KubectlAsync("get", "images.podagent.io")).Out);
    }

    [Fact(DisplayName = "what kubectl and podctl print is the same")]
    public async Task SameTable()
    {
        await NeedAsync();
        foreach (string[] arguments in new[] { new[] { "get", "pods" }, ["get", "pods", "-A"], ["get", "pods", "-o", "wide"], ["get", "pod/web", "-o", "name"], ["get", "pod", "web", "-o", "json"] })
        {
            var output = new MemoryStream();
            using var io = new NodeAgent.Cli.PodctlIo(Stream.Null, output, Stream.Null) { Time = _api.Time };
            Assert.Equal(0, await NodeAgent.Cli.Podctl.RunAsync(["--socket", _api.Paths.ApiSocket, .. arguments], io));
            Assert.Equal((await KubectlAsync(arguments)).Out, System.Text.Encoding.UTF8.GetString(output.ToArray()));
        }
    }

    [Fact(DisplayName = "kubectl hears of a missing pod, and why pods can't be changed here")]
    public async Task Refusals()
    {
        await NeedAsync();
        CommandOutput missing = await KubectlAsync("get", "pod", "nobody");
        Assert.Equal((1, "Error from server (NotFound): pods \"nobody\" not found\n"), (missing.Code, missing.Error));
        CommandOutput label = await KubectlAsync("label", "pod", "web", "tier=front");
        Assert.Equal(1, label.Code);
        Assert.Contains("write, change or delete a manifest in /etc/podagent instead", label.Error);
    }

    [Fact(DisplayName = "kubectl warns of a manifest that is not in effect")]
    public async Task Warns()
    {
        await NeedAsync();
        _api.ManifestErrors.Set("/etc/podagent/x.yaml", [new NodeAgent.Pods.ManifestFault(3, 5, "spec", "is \"odd\"")]);
        Assert.Contains("Warning: /etc/podagent/x.yaml:3:5: spec: is \"odd\"", (await KubectlAsync("get", "pods")).Error);
    }

    [Fact(DisplayName = "kubectl describe finds the pod and its events")]
    public async Task Describe()
    {
        await NeedAsync();
        _api.Events.Record(_api.RunningPod("default", "web"), EventType.Normal, "Started", "started container main", "main");
        CommandOutput run = await KubectlAsync("describe", "pod", "web");
        Assert.Equal(0, run.Code);
        Assert.Contains("Container ID:   podagent://c0ffee", run.Out);
        Assert.Matches(@"Normal +Started .* started container main", run.Out);
    }

    [Fact(DisplayName = "kubectl logs shows and follows to the container's end")]
    public async Task Logs()
    {
        await NeedAsync();
        string folder = Path.Combine(_api.Paths.PodLogs("default", "web", "uid-1"), "main");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "0.log"), "2026-03-01T12:00:00Z stdout F one\n2026-03-01T12:00:00Z stdout F two\n", Cancel);
        Assert.Equal("one\ntwo\n", (await KubectlAsync("logs", "web")).Out);
        Task<CommandOutput> following = KubectlAsync("logs", "-f", "--tail=1", "web");
        Pod pod = _api.RunningPod("default", "web");
        ContainerStatus over = pod.Status!.ContainerStatuses![0] with { State = new ContainerState { Terminated = new ContainerStateTerminated { ExitCode = 0, Reason = "Completed" } } };
        _api.Pods.Publish(pod with { Status = pod.Status with { ContainerStatuses = [over] } }, new PodUid("uid-1"));
        Assert.Equal("two\n", (await following).Out);
    }

    [Fact(DisplayName = "kubectl wait returns when the watch shows the condition")]
    public async Task Wait()
    {
        await NeedAsync();
        Pod pod = _api.RunningPod("default", "late", uid: "late");
        _api.Pods.Publish(pod with { Status = pod.Status! with { Conditions = [] } }, new PodUid("late"));
        Task<CommandOutput> waiting = KubectlAsync("wait", "--for=condition=Ready", "pod/late", "--timeout=30s");
        _api.Pods.Publish(pod, new PodUid("late"));
        Assert.Equal((0, "pod/late condition met\n"), ((await waiting).Code, (await waiting).Out));
    }

    [Fact(DisplayName = "kubectl exec hands over input, shows the outputs and the exit code")]
    public async Task Exec()
    {
        (int _, int minor) = await NeedAsync();
        Assert.SkipUnless(minor >= 30, $"kubectl 1.{minor} speaks only SPDY for exec");
        _api.Runtime.OnExec = request => new CommandSession(request, async session =>
        {
            using var reader = new StreamReader(session.In);
            await session.Out.WriteAsync(System.Text.Encoding.UTF8.GetBytes((await reader.ReadToEndAsync(Cancel)).ToUpperInvariant()));
            await session.Err.WriteAsync("err\n"u8.ToArray());
            return 7;
        });
        CommandOutput run = await KubectlAsync("hello\n", ["exec", "-i", "web", "--", "cat"]);
        Assert.Equal((7, "HELLO\n"), (run.Code, run.Out));
        Assert.Contains("err\n", run.Error);
        Assert.Contains("command terminated with exit code 7", run.Error);
    }

    private async Task<(int Major, int Minor)> NeedAsync()
    {
        CommandOutput version;
        try
        {
            version = await KubectlAsync("version", "--client", "-o", "json");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("kubectl is not installed (Debian package kubernetes-client)");
            throw;
        }
        JsonElement client = JsonDocument.Parse(version.Out).RootElement.GetProperty("clientVersion");
        return (int.Parse(Digits().Match(client.GetProperty("major").GetString()!).Value), int.Parse(Digits().Match(client.GetProperty("minor").GetString()!).Value));
    }

    private Task<CommandOutput> KubectlAsync(params string[] arguments) => KubectlAsync("", arguments);

    private async Task<CommandOutput> KubectlAsync(string input, string[] arguments)
    {
        var info = new ProcessStartInfo("kubectl") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _api.Root };
        // "--" ends kubectl's own options: these come first.
        foreach (string argument in new[] { "-s", $"http://127.0.0.1:{_bridge!.Port}", "--cache-dir", _api.Root + "/cache" }.Concat(arguments)) info.ArgumentList.Add(argument);
        info.Environment["HOME"] = _api.Root;
        info.Environment["KUBECONFIG"] = "/dev/null";
        using Process process = Process.Start(info)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(Cancel), error = process.StandardError.ReadToEndAsync(Cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException late)
        {
            process.Kill();
            throw new TimeoutException($"kubectl {string.Join(' ', arguments)} did not end", late);
        }
        return new CommandOutput(process.ExitCode, await output, await error);
    }

    [GeneratedRegex(@"^\d+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Digits();

    private sealed record CommandOutput(int Code, string Out, string Error);
}
