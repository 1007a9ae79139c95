// Starting a shim, step by step, with what undoes each:
//  1. the socket file in the record directory is unlinked, bound, made 0600 and listened on   undo: unlink
//  2. posix_spawn: 0-2 /dev/null, 3 the listening socket, 4 the record directory, 5 its cgroup  undo: SIGKILL
//  3. the listening socket is closed here: from now on only the shim holds it, and ECONNREFUSED means that the shim is dead
//  4. the child's pidfd goes to the reactor, which reaps it
//  5. with a cgroup, that child makes the shim proper, another child of ours, and ends; who it is, HELLO tells
// Connecting needs no waiting: the socket listens before the shim exists.
using System.Collections.Concurrent;
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
    private readonly ConcurrentDictionary<int, byte> _reaped = new();

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

    /// <summary>
    /// Starts a shim for a pod and returns the pid of the process started, which is the shim unless it is born into a cgroup: then
    /// <see cref="PodShim.Info"/> has it. It is reaped when it ends. Throws <see cref="LinuxException"/>.
    /// </summary>
    /// <param name="recordDirectory">Exists, and is the pod's own.</param>
    /// <param name="podUid">Shown in ps.</param>
    /// <param name="cgroup">A cgroup v2 folder to be born in (Linux 5.7); where the kernel can't, it stays in ours.</param>
    public int Spawn(string recordDirectory, string podUid, SafeFileHandle? cgroup = null)
    {
        string socketPath = Path.Combine(recordDirectory, SocketName);
        using SafeFileHandle listener = Listen(socketPath);
        using SafeFileHandle directory = new(
            Openat2.OpenPath(recordDirectory, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);
        int pid;
        try
        {
            pid = Linux.Spawn.Start(_image.ExecPath, ["podagent-shim", podUid], [], [_null, _null, _null, listener, directory, .. cgroup is null ? [] : new[] { cgroup }]);
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
    public async Task<PodShim?> ConnectAsync(string recordDirectory, string podUid, CancellationToken cancellation = default)
    {
        PodShim? shim = await PodShim.ConnectAsync(_reactor, Path.Combine(recordDirectory, SocketName), podUid, cancellation);
        if (shim is not null && Procfs.Stat(shim.Info.Pid)?.ParentPid == Environment.ProcessId) ReapWhenEnded(shim.Info.Pid);
        return shim;
    }

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

    /// <summary>Once for each child; a child that has not been waited for keeps its pid.</summary>
    private void ReapWhenEnded(int pid)
    {
        if (!_reaped.TryAdd(pid, 0))
            return;
        SafeFileHandle pidfd = Pidfd.Open(pid) ?? throw new LinuxException("pidfd_open", $"shim {pid}", Errno.ESRCH);
        _reactor.Watch(pidfd, (token, events) =>
        {
            if (!Pidfd.TryReap(pidfd))
                return;
            _reaped.TryRemove(pid, out _);
            _reactor.Unwatch(pidfd, token);
            pidfd.Dispose();
        });
    }
}
