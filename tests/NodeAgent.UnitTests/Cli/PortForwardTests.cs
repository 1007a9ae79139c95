using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using NodeAgent.Cli;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

/// <summary>podctl port-forward against the API; the pod's server is a socket of the test.</summary>
public sealed class PortForwardTests : IAsyncLifetime
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly ApiFixture _api = new();
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
    private readonly WaitingStream _output = new();
    private readonly WaitingStream _error = new();
    private Task<int>? _run;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _server.Start();
        Pod pod = _api.RunningPod("default", "web");
        Container main = pod.Spec!.Containers![0] with { Ports = [new ContainerPort { Name = "http", Port = 80 }] };
        _api.Pods.Publish(pod with { Spec = pod.Spec with { Containers = [main] } }, new PodUid("uid-1"));
        _api.Runtime.OnConnect = port => port == 80
            ? Connected.ToAsync((IPEndPoint)_server.LocalEndpoint)
            : throw new PodRuntimeException(RuntimeFailure.ConnectionFailed, $"pod web: connect to 127.0.0.1:{port}: connection refused");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_run is not null) Assert.Equal(0, await _run);
        _stop.Dispose();
        _server.Dispose();
        await _api.DisposeAsync();
    }

    [Fact(DisplayName = "what is sent arrives, both ways, and the end of each side is told by itself")]
    public async Task HalfClose()
    {
        int port = await ForwardAsync(":http");
        // The client ends first, and still hears the answer.
        using (TcpClient client = await ConnectAsync(port))
        {
            using Socket accepted = await _server.AcceptSocketAsync(Cancel);
            await client.Client.SendAsync(Encoding.ASCII.GetBytes("question"), Cancel);
            client.Client.Shutdown(SocketShutdown.Send);
            Assert.Equal("question", await ReadToEndAsync(accepted));
            await accepted.SendAsync(Encoding.ASCII.GetBytes("answer"), Cancel);
            accepted.Shutdown(SocketShutdown.Send);
            Assert.Equal("answer", await ReadToEndAsync(client.Client));
        }
        // The server ends first, and still hears what the client says.
        using (TcpClient client = await ConnectAsync(port))
        {
            using Socket accepted = await _server.AcceptSocketAsync(Cancel);
            await accepted.SendAsync(Encoding.ASCII.GetBytes("greeting"), Cancel);
            accepted.Shutdown(SocketShutdown.Send);
            Assert.Equal("greeting", await ReadToEndAsync(client.Client));
            await client.Client.SendAsync(Encoding.ASCII.GetBytes("later"), Cancel);
            client.Client.Shutdown(SocketShutdown.Send);
            Assert.Equal("later", await ReadToEndAsync(accepted));
        }
    }

    [Fact(DisplayName = "many megabytes come through unharmed, over several connections at once")]
    public async Task Volume()
    {
        int port = await ForwardAsync(":80");
        byte[] content = new byte[3_000_000];
        new Random(5).NextBytes(content);
        Task serving = Task.Run(async () =>
        {
            var all = new List<Task>();
            for (int i = 0; i < 4; i++)
            {
                Socket accepted = await _server.AcceptSocketAsync(Cancel);
                all.Add(Task.Run(async () =>
                {
                    using var stream = new NetworkStream(accepted, ownsSocket: true);
                    await stream.CopyToAsync(stream, Cancel);
                }, Cancel));
            }
            await Task.WhenAll(all);
        }, Cancel);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using TcpClient client = await ConnectAsync(port);
            Task sending = Task.Run(async () =>
            {
                await client.GetStream().WriteAsync(content, Cancel);
                client.Client.Shutdown(SocketShutdown.Send);
            }, Cancel);
            var back = new MemoryStream();
            await client.GetStream().CopyToAsync(back, Cancel);
            await sending;
            Assert.Equal(content, back.ToArray());
        }));
        await serving;
    }

    [Fact(DisplayName = "a port that refuses is told on stderr and resets whoever connected; the others go on")]
    public async Task Refused()
    {
        int good = await ForwardAsync(":80", ":81");
        int bad = PortOf(81);
        using (TcpClient client = await ConnectAsync(bad))
        {
            SocketException reset = await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(client.Client));
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }
        await _error.WaitForAsync("podctl: port-forward to pod/web: pod web: connect to 127.0.0.1:81: connection refused\n");
        using TcpClient fine = await ConnectAsync(good);
        using Socket accepted = await _server.AcceptSocketAsync(Cancel);
        accepted.Shutdown(SocketShutdown.Both);
        fine.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await ReadToEndAsync(fine.Client));
    }

    [Fact(DisplayName = "a client that goes away without a word takes its connection to the pod with it")]
    public async Task Gone()
    {
        int port = await ForwardAsync(":80");
        TcpClient client = await ConnectAsync(port);
        using Socket accepted = await _server.AcceptSocketAsync(Cancel);
        client.Client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        Assert.Equal("", await ReadToEndAsync(accepted));
    }

    [Theory(DisplayName = "what can't be forwarded says why before anything listens")]
    [InlineData("port-forward nobody 80", 3, "pods \"nobody\" not found")]
    [InlineData("port-forward web 0", 2, "expected [LOCAL:]REMOTE")]
    [InlineData("port-forward web 80:", 2, "expected [LOCAL:]REMOTE")]
    [InlineData("port-forward web 1:2:3", 2, "expected [LOCAL:]REMOTE")]
    [InlineData("port-forward web 70000", 2, "expected [LOCAL:]REMOTE")]
    [InlineData("port-forward web :grpc", 1, "the pod has no port with the name grpc")]
    [InlineData("port-forward web :80 --address nowhere", 2, "--address nowhere")]
    public async Task Senseless(string line, int code, string message)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, line.Split(' '));
        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error);
    }

    [Fact(DisplayName = "a local port that is taken, or a pod that does not run, is an error")]
    public async Task Taken()
    {
        int port = ((IPEndPoint)_server.LocalEndpoint).Port;
        PodctlRun taken = await PodctlRun.AgainstAsync(_api, "port-forward", "web", $"{port}:80");
        Assert.Equal(1, taken.Code);
        Assert.Contains($"can't listen on 127.0.0.1:{port}", taken.Error);
        Pod pod = _api.RunningPod("default", "done");
        _api.Pods.Publish(pod with { Status = pod.Status! with { Phase = PodPhase.Succeeded } }, new PodUid("uid-2"));
        PodctlRun over = await PodctlRun.AgainstAsync(_api, "port-forward", "done", ":80");
        Assert.Equal((1, "podctl: port-forward to pod/done: the pod is not running (it is Succeeded)\n"), (over.Code, over.Error));
    }

    [Fact(DisplayName = "version 4, which other clients speak: each channel begins with the port, and the server's end is the end of all")]
    public async Task Version4()
    {
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("v4.channel.k8s.io");
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await unix.ConnectAsync(new UnixDomainSocketEndPoint(_api.Paths.ApiSocket), cancellationToken);
                return new NetworkStream(unix, ownsSocket: true);
            },
        });
        await socket.ConnectAsync(new Uri("ws://localhost/api/v1/namespaces/default/pods/web/portforward?ports=80,81"), invoker, Cancel);
        using Socket accepted = await _server.AcceptSocketAsync(Cancel);
        Assert.Equal([0, 80, 0], await MessageAsync(socket));
        Assert.Equal([1, 80, 0], await MessageAsync(socket));
        Assert.Equal([2, 81, 0], await MessageAsync(socket));
        Assert.Equal([3, 81, 0], await MessageAsync(socket));
        Assert.Equal("\u0003pod web: connect to 127.0.0.1:81: connection refused", Encoding.UTF8.GetString(await MessageAsync(socket)));
        await socket.SendAsync("\0ping"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, Cancel);
        byte[] got = new byte[4];
        Assert.Equal(4, await accepted.ReceiveAsync(got, Cancel));
        await accepted.SendAsync("pong"u8.ToArray(), Cancel);
        Assert.Equal("\0pong", Encoding.UTF8.GetString(await MessageAsync(socket)));
        accepted.Shutdown(SocketShutdown.Send);
        Assert.Empty(await MessageAsync(socket));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    private static async Task<byte[]> MessageAsync(ClientWebSocket socket)
    {
        byte[] buffer = new byte[1024];
        WebSocketReceiveResult part = await socket.ReceiveAsync(buffer, Cancel);
        return part.MessageType == WebSocketMessageType.Close ? [] : buffer[..part.Count];
    }

    /// <returns>The local port of the first.</returns>
    private async Task<int> ForwardAsync(params string[] ports)
    {
        var io = new PodctlIo(Stream.Null, _output, _error) { Time = _api.Time, Stopping = _stop.Token };
        _run = PodctlRun.StartAsync(io, ["--socket", _api.Paths.ApiSocket, "port-forward", "pod/web", .. ports, "--address", "127.0.0.1"]);
        await _output.WaitForAsync("Forwarding from 127.0.0.1:", ports.Length);
        return PortOf(80);
    }

    private int PortOf(int remote)
    {
        string line = _output.Text.Split('\n').Single(line => line.EndsWith($" -> {remote}", StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[2].Split(':')[^1]);
    }

    private static async Task<TcpClient> ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        return client;
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[1024];
        while (await socket.ReceiveAsync(buffer, Cancel) is var read and > 0) text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        return text.ToString();
    }

    private sealed class Connected(Socket socket) : IPodConnection
    {
        public static async Task<IPodConnection> ToAsync(IPEndPoint server)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server, Cancel);
            return new Connected(socket);
        }

        public Stream Stream { get; } = new NetworkStream(socket, ownsSocket: true);

        public void CompleteWrites() => socket.Shutdown(SocketShutdown.Send);

        public ValueTask DisposeAsync() => Stream.DisposeAsync();
    }
}
