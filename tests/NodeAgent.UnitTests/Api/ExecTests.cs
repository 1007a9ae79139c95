using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class ExecTests : IAsyncLifetime
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly ApiFixture _api = new();
    private readonly TaskCompletionSource<CommandSession> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CommandSession? _session;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Pods.Publish(_api.RunningPod("default", "web"), new PodUid("uid-1"));
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory(DisplayName = "outputs come on their channels, then the exit code as a Status")]
    [InlineData("v5.channel.k8s.io", 0)]
    [InlineData("v5.channel.k8s.io", 7)]
    [InlineData("v4.channel.k8s.io", 137)]
    public async Task OutputsAndExitCode(string protocol, int exitCode)
    {
        Run(async session =>
        {
            await session.Out.WriteAsync("out"u8.ToArray());
            await session.Err.WriteAsync("err"u8.ToArray());
            return exitCode;
        });
        using ClientWebSocket socket = await ConnectAsync("command=ls&command=-l&stdout=true&stderr=true", protocol);
        Assert.Equal(protocol, socket.SubProtocol);
        Dictionary<int, string> channels = await ReadToEndAsync(socket);
        Assert.Equal(("out", "err"), (channels[1], channels[2]));
        JsonNode status = JsonNode.Parse(channels[3])!;
        if (exitCode == 0)
        {
            Assert.Equal("Success", (string)status["status"]!);
        }
        else
        {
            Assert.Equal(("Failure", "NonZeroExitCode"), ((string)status["status"]!, (string)status["reason"]!));
            JsonNode cause = Assert.Single(status["details"]!["causes"]!.AsArray())!;
            Assert.Equal(("ExitCode", exitCode.ToString()), ((string)cause["reason"]!, (string)cause["message"]!));
        }
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Assert.Equal(("c0ffee", "ls -l", false, false),
            (_session!.Request.Container.Value, string.Join(' ', _session.Request.Command), _session.Request.Tty, _session.Request.Stdin));
    }

    [Fact(DisplayName = "input goes to the command, and closing its channel (v5) gives it the end of file while output goes on")]
    public async Task InputAndItsEnd()
    {
        Run(async session =>
        {
            using var reader = new StreamReader(session.In);
            string all = await reader.ReadToEndAsync(Cancel);
            await session.Out.WriteAsync(Encoding.UTF8.GetBytes(all.ToUpperInvariant()));
            return 0;
        });
        using ClientWebSocket socket = await ConnectAsync("command=cat&stdin=true&stdout=true");
        await SendAsync(socket, 0, "hello "u8.ToArray());
        await SendAsync(socket, 0, "world"u8.ToArray());
        await SendAsync(socket, 255, [0]);
        Assert.Equal("HELLO WORLD", (await ReadToEndAsync(socket))[1]);
    }

    [Fact(DisplayName = "a terminal has one output and takes new sizes; nonsense sizes are passed over")]
    public async Task Resize()
    {
        Run(async session =>
        {
            (int columns, int rows) = await session.Sizes.Reader.ReadAsync(Cancel);
            await session.Out.WriteAsync(Encoding.ASCII.GetBytes($"{columns}x{rows}"));
            return 0;
        });
        using ClientWebSocket socket = await ConnectAsync("command=sh&stdin=true&stdout=true&tty=true");
        foreach (string nonsense in new[] { "{}", "[", """{"Width":-1,"Height":5}""", """{"Width":70000,"Height":5}""" }) await SendAsync(socket, 4, Encoding.ASCII.GetBytes(nonsense));
        await SendAsync(socket, 4, """{"Width":120,"Height":40}"""u8.ToArray());
        Assert.Equal("120x40", (await ReadToEndAsync(socket))[1]);
        Assert.True(_session!.Request.Tty);
    }

    [Fact(DisplayName = "a client that goes away takes its command with it")]
    public async Task ClientGone()
    {
        Run(async session =>
        {
            await Task.Delay(Timeout.Infinite, session.Killed);
            return 0;
        });
        ClientWebSocket socket = await ConnectAsync("command=sleep&stdin=true&stdout=true");
        CommandSession session = await _started.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        socket.Abort();
        socket.Dispose();
        await session.Disposed.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    [Fact(DisplayName = "more output than any buffer holds arrives whole and in order")]
    public async Task MuchOutput()
    {
        byte[] data = new byte[3_000_000];
        new Random(1).NextBytes(data);
        Run(async session =>
        {
            await session.Out.WriteAsync(data);
            return 0;
        });
        using ClientWebSocket socket = await ConnectAsync("command=cat&stdout=true");
        var received = new MemoryStream();
        byte[] buffer = new byte[65536];
        bool first = true;
        int channel = 0;
        while (true)
        {
            WebSocketReceiveResult part = await socket.ReceiveAsync(buffer, Cancel);
            if (part.MessageType == WebSocketMessageType.Close) break;
            if (first) channel = buffer[0];
            if (channel == 1) received.Write(buffer, first ? 1 : 0, part.Count - (first ? 1 : 0));
            first = part.EndOfMessage;
        }
        Assert.True(data.AsSpan().SequenceEqual(received.ToArray()));
    }

    [Theory(DisplayName = "a command that can't be run is an ordinary error before the upgrade")]
    [InlineData("command=ls&container=nope", "v5.channel.k8s.io", 400, "container nope is not valid for pod web")]
    [InlineData("stdout=true", "v5.channel.k8s.io", 400, "no command was given")]
    [InlineData("command=ls", "v1.other", 400, "none of the offered protocols is spoken here: v1.other")]
    public async Task Refusals(string query, string protocol, int code, string message)
    {
        using var socket = new ClientWebSocket { Options = { CollectHttpResponseDetails = true } };
        socket.Options.AddSubProtocol(protocol);
        await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync(socket, query));
        Assert.Equal(code, (int)socket.HttpStatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/namespaces/default/pods/web/exec?" + query);
        request.Headers.Add("Connection", "Upgrade");
        request.Headers.Add("Upgrade", "websocket");
        request.Headers.Add("Sec-WebSocket-Protocol", protocol);
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        using HttpResponseMessage response = await _api.Client.SendAsync(request, Cancel);
        JsonNode status = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!;
        Assert.Equal(code, (int)status["code"]!);
        Assert.Contains(message, (string)status["message"]!);
    }

    [Fact(DisplayName = "a container that does not run is refused with its state, to whatever protocol is spoken")]
    public async Task NotRunning()
    {
        Core.Model.Pod pod = _api.RunningPod("default", "web");
        Core.Model.ContainerStatus over = pod.Status!.ContainerStatuses![0] with
        {
            State = new Core.Model.ContainerState { Terminated = new Core.Model.ContainerStateTerminated { ExitCode = 3, Reason = "Error" } },
        };
        _api.Pods.Publish(pod with { Status = pod.Status with { ContainerStatuses = [over] } }, new PodUid("uid-1"));
        using HttpResponseMessage response = await _api.Client.PostAsync("/api/v1/namespaces/default/pods/web/exec?command=ls", null, Cancel);
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Contains("container \\\"main\\\" in pod \\\"web\\\" is not running (terminated: Error, exit code 3)", await response.Content.ReadAsStringAsync(Cancel));
    }

    [Fact(DisplayName = "a command that the runtime can't start is told on the error channel")]
    public async Task StartFails()
    {
        using ClientWebSocket socket = await ConnectAsync("command=ls");
        JsonNode status = JsonNode.Parse((await ReadToEndAsync(socket))[3])!;
        Assert.Equal(("Failure", "InternalError", "container c0ffee: not found"), ((string)status["status"]!, (string)status["reason"]!, (string)status["message"]!));
    }

    [Fact(DisplayName = "the older SPDY form is refused with what to do")]
    public async Task Spdy()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/namespaces/default/pods/web/exec?command=ls");
        request.Headers.Add("Connection", "Upgrade");
        request.Headers.Add("Upgrade", "SPDY/3.1");
        using HttpResponseMessage response = await _api.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", await response.Content.ReadAsStringAsync(Cancel));
    }

    private void Run(Func<CommandSession, Task<int>> body) => _api.Runtime.OnExec = request =>
    {
        _session = new CommandSession(request, body);
        _started.TrySetResult(_session);
        return _session;
    };

    private async Task<ClientWebSocket> ConnectAsync(string query, string protocol = "v5.channel.k8s.io")
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        await ConnectAsync(socket, query);
        return socket;
    }

    private async Task ConnectAsync(ClientWebSocket socket, string query) =>
        await socket.ConnectAsync(new Uri("ws://localhost/api/v1/namespaces/default/pods/web/exec?" + query), _api.Client, Cancel);

    private static Task SendAsync(ClientWebSocket socket, byte channel, byte[] data) =>
        socket.SendAsync((byte[])[channel, .. data], WebSocketMessageType.Binary, true, Cancel);

    private static async Task<Dictionary<int, string>> ReadToEndAsync(ClientWebSocket socket)
    {
        var channels = new Dictionary<int, string>();
        byte[] buffer = new byte[65536];
        while (true)
        {
            WebSocketReceiveResult message = await socket.ReceiveAsync(buffer, Cancel);
            if (message.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Cancel);
                return channels;
            }
            channels[buffer[0]] = channels.GetValueOrDefault(buffer[0], "") + Encoding.UTF8.GetString(buffer, 1, message.Count - 1);
        }
    }
}
