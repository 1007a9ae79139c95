using System.Diagnostics;
using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.KernelTests.Api;

/// <summary>podctl as a process of its own: what only shows with real descriptors, pipes and terminals.</summary>
public sealed class PodctlProcessTests : IAsyncLifetime
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private static readonly string Podctl = Path.Combine(AppContext.BaseDirectory, "podctl");
    private readonly ApiFixture _api = new();

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Pods.Publish(_api.RunningPod("default", "web"), new PodUid("uid-1"));
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "commands that share a redirected output write one after the other, not over each other")]
    public async Task SharedOutput()
    {
        string file = Path.Combine(_api.Root, "out");
        (int code, string _) = await ShellAsync($"{{ {Podctl} version --client; echo between; {Podctl} get pods -o name; echo after; }} > {file}");
        Assert.Equal(0, code);
        Assert.Equal("podctl: 0.1.0\nbetween\npod/web\nafter\n", await File.ReadAllTextAsync(file, Cancel));
    }

    [Fact(DisplayName = "when the reader of the output goes away podctl ends in silence, also out of an endless log")]
    public async Task BrokenPipe()
    {
        (int _, string list) = await ShellAsync($"{Podctl} get pods -o yaml | true; echo ${{PIPESTATUS[0]}}");
        Assert.Matches("^(0|141)\n$", list);
        string folder = Path.Combine(_api.Paths.PodLogs("default", "web", "uid-1"), "main");
        Directory.CreateDirectory(folder);
        string log = Path.Combine(folder, "0.log");
        await File.WriteAllTextAsync(log, "2026-03-01T12:00:00Z stdout F one\n", Cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task writing = Task.Run(async () =>
        {
            using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
            while (await tick.WaitForNextTickAsync(stop.Token)) await File.AppendAllTextAsync(log, "2026-03-01T12:00:00Z stdout F more\n", stop.Token);
        }, stop.Token);
        (int _, string followed) = await ShellAsync($"{Podctl} logs -f web | head -1; echo ${{PIPESTATUS[0]}}");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);
        Assert.Equal("one\n141\n", followed);
    }

    [Fact(DisplayName = "on a terminal, exec -it hands over its size and each key, Ctrl-C too, and leaves the terminal as it was")]
    public async Task Terminal()
    {
        var raw = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _api.Runtime.OnExec = request => new CommandSession(request, async session =>
        {
            // The size comes when the terminal hands every key through.
            (int columns, int rows) = await session.Sizes.Reader.ReadAsync(Cancel);
            await session.Out.WriteAsync(Encoding.ASCII.GetBytes($"{(request.Tty ? "tty" : "no tty")} {columns}x{rows}\r\n"));
            raw.TrySetResult();
            byte[] key = new byte[1];
            int read = await session.In.ReadAsync(key, Cancel);
            await session.Out.WriteAsync(Encoding.ASCII.GetBytes($"key {(read == 1 ? key[0] : -1)}\r\n"));
            return 5;
        });
        string podctl = $"stty cols 101 rows 31; before=$(stty -g); {Podctl} exec -it web -- sh; code=$?; [ \"$before\" = \"$(stty -g)\" ] && echo same; exit $code";
        (int exit, string shown) = await ShellAsync($"script -qec '{podctl}' /dev/null", async input =>
        {
            await raw.Task.WaitAsync(Cancel);
            await input.WriteAsync("\u0003");
            await input.FlushAsync(Cancel);
        });
        Assert.Contains("tty 101x31\r\n", shown);
        Assert.Contains("key 3\r\n", shown);
        Assert.Contains("same\r\n", shown);
        Assert.Equal(5, exit);
    }

    private async Task<(int Code, string Output)> ShellAsync(string script, Func<StreamWriter, Task>? type = null)
    {
        var info = new ProcessStartInfo("bash") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add("-c");
        info.ArgumentList.Add(script);
        info.Environment["PODAGENT_SOCKET"] = _api.Paths.ApiSocket;
        using Process process = Process.Start(info)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(Cancel), error = process.StandardError.ReadToEndAsync(Cancel);
        if (type is not null) await type(process.StandardInput);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        over.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(over.Token);
        }
        catch (OperationCanceledException late)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{script} did not end", late);
        }
        Assert.Equal("", await error);
        return (process.ExitCode, await output);
    }
}
