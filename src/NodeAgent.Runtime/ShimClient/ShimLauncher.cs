// Starting a shim, step by step, with what undoes each:
//  1. the socket file in the record directory is unlinked, bound, made 0600 and listened on   undo: unlink
//  2. posix_spawn: 0-2 /dev/null, 3 the listening socket, 4 the record directory               undo: SIGKILL
//  3. the listening socket is closed here: from now on only the shim holds it, and ECONNREFUSED means that the shim is dead
//  4. the child's pidfd goes to the reactor, which reaps it
// Connecting needs no waiting: the socket listens before the shim exists.
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>Starts shims and finds them again. Thread-safe.</summary>
public sealed partial class ShimLauncher : IDisposable
{
    /// <summary>The socket's name in a pod's record directory.</summary>
    public const string SocketName = "shim.sock";

    /// <summary>More than anybody opens at once: a full one would turn connect away (EAGAIN).</summary>
    private const int Backlog = 128;

    private readonly ShimReactor _reactor;
    private readonly ShimImage _image;
    private readonly SafeFileHandle _null;

    /// <param name="reactor">Stays the caller's.</param>
    /// <param name="shimFile">The podagent-shim program.</param>
    /// <param name="logger">Told once when the program cannot be protected, see <see cref="ShimImage"/>.</param>
    public ShimLauncher(ShimReactor reactor, string shimFile, ILogger logger)
    {
        _reactor = reactor;
        _image = ShimImage.Open(shimFile);
        if (_image.Unprotected is { } reason)
            Log.Unprotected(logger, shimFile, reason.Message);
        _null = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
    }

    /// <summary>Starts a shim for a pod and returns its pid; it is reaped when it ends. Throws <see cref="LinuxException"/>.</summary>
    /// <param name="recordDirectory">Exists, and is the pod's own.</param>
    /// <param name="podUid">Shown in ps.</param>
    public int Spawn(string recordDirectory, string podUid)
    {
        string socketPath = Path.Combine(recordDirectory, SocketName);
        using SafeFileHandle listener = Listen(socketPath);
        using SafeFileHandle directory = new(
            Openat2.OpenPath(recordDirectory, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);
        int pid;
        try
        {
            pid = Linux.Spawn.Start(_image.ExecPath, ["podagent-shim", podUid], [], [_null, _null, _null, listener, directory]);
        }
        catch
        {
            File.Delete(socketPath);
            throw;
        }

        ReapWhenEnded(pid);
        return pid;
    }

    /// <summary>Null when the pod's shim is dead or was never started; see <see cref="PodShim.ConnectAsync"/>.</summary>
    public Task<PodShim?> ConnectAsync(string recordDirectory, string podUid, CancellationToken cancellation = default) =>
        PodShim.ConnectAsync(_reactor, Path.Combine(recordDirectory, SocketName), podUid, cancellation);

    /// <summary>Running shims go on.</summary>
    public void Dispose()
    {
        _image.Dispose();
        _null.Dispose();
    }

    private static SafeFileHandle Listen(string socketPath)
    {
        File.Delete(socketPath);
        SafeFileHandle listener = Sockets.Unix(Sockets.SOCK_SEQPACKET);
        try
        {
            LinuxException.Check(Sockets.BindUnix(listener, socketPath), "bind", socketPath);
            File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            LinuxException.Check(Sockets.listen(listener, Backlog), "listen", socketPath);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private void ReapWhenEnded(int pid)
    {
        SafeFileHandle pidfd = Pidfd.Open(pid) ?? throw new LinuxException("pidfd_open", $"shim {pid}", Errno.ESRCH);
        _reactor.Watch(pidfd, (token, _) =>
        {
            if (!Pidfd.TryReap(pidfd))
                return;
            _reactor.Unwatch(pidfd, token);
            pidfd.Dispose();
        });
    }
}
