using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Forwarding;

/// <summary><c>podctl port-forward POD [LOCAL:]REMOTE…</c></summary>
internal static class PortForwardCommand
{
    public static Command Create(GlobalOptions global)
    {
        var pod = new Argument<string>("POD") { Description = "The pod" };
        var ports = new Argument<string[]>("[LOCAL:]REMOTE")
        {
            Description = "The pod's port, by number or name, and the local one, which is the same without it, or any free one if it is left empty",
            Arity = ArgumentArity.OneOrMore,
        };
        var address = new Option<string>("--address") { Description = "Local addresses to listen on, e.g. 0.0.0.0", HelpName = "ADDRESSES", DefaultValueFactory = _ => "localhost" };
        var command = new Command("port-forward", "Lead local ports to ports of a pod, whether or not it can be reached otherwise") { pod, ports, address };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string name = ResourceKind.PodName(parsed.GetValue(pod)!);
            string path = ResourceKind.Pods.Path(parsed.GetValue(global.Namespace), name), what = $"port-forward to pod/{name}";
            AgentClient client = global.Client(parsed);
            JsonElement found = client.Get(path, what);
            ForwardedPort[] wanted = [.. parsed.GetValue(ports)!.Select(text => ForwardedPort.Parse(text, found, what))];
            string phase = found.TryGetProperty("status", out JsonElement status) && status.TryGetProperty("phase", out JsonElement of) ? of.GetString()! : "Unknown";
            if (phase != "Running") throw new PodctlException($"{what}: the pod is not running (it is {phase})");
            using var listeners = new Listeners(global.Io, what);
            foreach (ForwardedPort port in wanted) listeners.Add(port, parsed.GetValue(address)!);
            await listeners.ServeAsync((socket, port) => Forward.RunAsync(global.Io, client, path, what, socket, port, cancellationToken), cancellationToken).ConfigureAwait(false);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>The local ends: bound all before one of them serves.</summary>
    private sealed class Listeners(PodctlIo io, string what) : IDisposable
    {
        private readonly List<(Socket Socket, int Remote)> _sockets = [];

        public void Add(ForwardedPort port, string addresses)
        {
            int local = port.Local;
            int before = _sockets.Count;
            Exception? problem = null;
            foreach (IPAddress address in addresses.Split(',', StringSplitOptions.TrimEntries).SelectMany(Addresses))
            {
                Socket? socket = null;
                try
                {
                    socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = false;
                    // Or a port would be taken for a minute after each use.
                    socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                    socket.Bind(new IPEndPoint(address, local));
                    socket.Listen();
                    // Further addresses get the same port as the first one did.
                    local = ((IPEndPoint)socket.LocalEndPoint!).Port;
                    _sockets.Add((socket, port.Remote));
                    io.Out.Write($"Forwarding from {socket.LocalEndPoint} -> {port.Remote}\n");
                }
                catch (SocketException error)
                {
                    socket?.Dispose();
                    // localhost is served where there is only one of the two protocols.
                    if (addresses != "localhost" || error.SocketErrorCode == SocketError.AddressAlreadyInUse)
                        throw new PodctlException($"{what}: can't listen on {new IPEndPoint(address, local)}: {error.Message}", ExitCode.Failed, error);
                    problem = error;
                }
            }
            if (_sockets.Count == before) throw new PodctlException($"{what}: can't listen on {addresses}: {problem?.Message ?? "no address"}", ExitCode.Failed, problem);
            io.Out.Flush();
        }

        public Task ServeAsync(Func<Socket, int, Task> serve, CancellationToken cancellationToken) =>
            Task.WhenAll(_sockets.Select(listener => AcceptAsync(listener.Socket, listener.Remote, serve, cancellationToken)));

        public void Dispose()
        {
            foreach ((Socket socket, _) in _sockets) socket.Dispose();
        }

        private static async Task AcceptAsync(Socket listener, int remote, Func<Socket, int, Task> serve, CancellationToken cancellationToken)
        {
            try
            {
                while (true)
                {
                    Socket connection = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                    // One that fails is told by itself, and stops nobody else.
                    _ = Task.Run(() => serve(connection, remote), cancellationToken);
                }
            }
            catch (OperationCanceledException)
            {
                // Asked to end.
            }
        }

        private static IPAddress[] Addresses(string text)
        {
            if (text == "localhost") return [IPAddress.Loopback, IPAddress.IPv6Loopback];
            return IPAddress.TryParse(text, out IPAddress? address) ? [address] : throw new PodctlException($"--address {text}: expected addresses, or localhost", ExitCode.WrongCommandLine);
        }
    }
}
