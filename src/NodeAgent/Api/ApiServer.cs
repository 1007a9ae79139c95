using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace NodeAgent.Api;

/// <summary>
/// The agent's API: the Kubernetes REST paths and objects of pods, events and the node, and our own group for images and manifest errors, as HTTP/1.1 on a
/// unix socket (mode 0660: whoever may open it is root or in the group that the administrator gave it).
/// <code>
///   new --StartAsync--> serving --StopAsync--> stopped (watches, logs and execs that are open end; the socket is gone)
/// </code>
/// Kestrel is used bare, without host, configuration, dependency injection and routing: the agent needs one socket and a dozen paths, and starts faster.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    private static readonly UnixFileMode SocketMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    // Open watches and execs are told to end at once; a client that does not take its last bytes is not waited for longer.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);

    private readonly ApiDependencies _dependencies;
    private readonly CancellationTokenSource _stopping = new();
    private KestrelServer? _server;

    public ApiServer(ApiDependencies dependencies) => _dependencies = dependencies;

    /// <exception cref="IOException">Another agent serves on the socket, or the socket can't be made; the message names the path.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await ClearStaleSocketAsync(_dependencies.SocketPath, cancellationToken).ConfigureAwait(false);
        var options = new KestrelServerOptions { AddServerHeader = false, ApplicationServices = NoServices.Instance };
        // Watches, logs and uploads may pause for as long as they like.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.ListenUnixSocket(_dependencies.SocketPath, listen => listen.Protocols = HttpProtocols.Http1);
        var transport = new SocketTransportFactory(
            Options.Create(new SocketTransportOptions { CreateBoundListenSocket = endpoint => Bind((UnixDomainSocketEndPoint)endpoint) }),
            _dependencies.Logging);
        var server = new KestrelServer(Options.Create(options), transport, _dependencies.Logging);
        try
        {
            var application = new ApiApplication(new ApiRouter(_dependencies), _dependencies.Logging, _dependencies.Served, _stopping.Token);
            await server.StartAsync(application, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException error)
        {
            server.Dispose();
            throw new IOException($"{_dependencies.SocketPath}: can't listen: {error.Message}", error);
        }
        _server = server;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _server, null) is not { } server) return;
        await _stopping.CancelAsync().ConfigureAwait(false);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StopLimit);
        await server.StopAsync(limit.Token).ConfigureAwait(false);
        server.Dispose();
        File.Delete(_dependencies.SocketPath);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None).ConfigureAwait(false);
        _stopping.Dispose();
    }

    // The mode is set before listen(2): nobody can connect through the mode that the umask left.
    private static Socket Bind(UnixDomainSocketEndPoint endpoint)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(endpoint);
            File.SetUnixFileMode(endpoint.ToString(), SocketMode);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task ClearStaleSocketAsync(string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        if (!File.Exists(path)) return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // Nobody listens: left behind by an agent that was killed.
            File.Delete(path);
            return;
        }
        throw new IOException($"{path}: another agent serves there; stop it, or give this one its own --socket");
    }

    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
