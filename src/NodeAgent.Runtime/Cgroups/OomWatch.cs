using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// Notices processes that the kernel kills for want of memory while their container lives on. How a container itself ended is not its business
/// (<see cref="Containers.ContainerExits"/>).
/// <code>
/// Follow --> watched --memory.events changed--> counted, recorded, told --a second later--> watched
///               '--cgroup removed--> forgotten
/// </code>
/// One inotify descriptor for all containers, each of which is looked at once a second at most: at its limit a cgroup changes that file a hundred times a second.
/// It counts anew whenever it begins to watch, so nothing is missed in between, nor while no agent ran. Thread-safe.
/// </summary>
internal sealed class OomWatch : IDisposable
{
    private const int IN_NONBLOCK = 0x800;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly RuntimeNode _node;
    private readonly ShimReactor _reactor;
    private readonly SafeFileHandle _inotify;
    private readonly long _token;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LiveContainer> _watched = [];
    private bool _disposed;

    public OomWatch(RuntimeNode node, ShimReactor reactor)
    {
        _node = node;
        _reactor = reactor;
        _inotify = new SafeFileHandle(LinuxException.Check(Inotify.inotify_init1(Inotify.IN_CLOEXEC | IN_NONBLOCK), "inotify_init1"), ownsHandle: true);
        _token = reactor.Watch(_inotify, (_, _) => Read());
    }

    /// <summary>From now until its cgroup is removed. Without the memory controller nothing happens.</summary>
    public void Follow(LiveContainer container)
    {
        if (!_node.Cgroups.Driver.Enabled.Contains("memory")) return;
        string cgroup = PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id);
        lock (_lock)
        {
            if (_disposed || container.Phase != ContainerPhase.Running) return;
            int watch = Inotify.inotify_add_watch(
                (int)_inotify.DangerousGetHandle(), Encoding.UTF8.GetBytes($"{cgroup}/{PodCgroups.MemoryEvents}\0"), Inotify.IN_MODIFY | Inotify.IN_ONESHOT);
            // ENOENT: it ended this moment. ENOSPC: the user has no watches left, and what would have been told stays untold.
            if (watch < 0) return;
            _watched[watch] = container;
        }
        Count(container, cgroup);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }
        _reactor.Unwatch(_inotify, _token);
        _inotify.Dispose();
    }

    // On the reactor's thread: what takes time goes elsewhere.
    private void Read()
    {
        Span<byte> buffer = stackalloc byte[4096];
        lock (_lock)
        {
            if (_disposed) return;
            long length = FileContent.read((int)_inotify.DangerousGetHandle(), buffer);
            ReadOnlySpan<byte> records = length > 0 ? buffer[..(int)length] : [];
            while (Inotify.Next(ref records, out InotifyEvent changed))
            {
                if (!_watched.Remove(changed.Watch, out LiveContainer? container) || (changed.Mask & Inotify.IN_MODIFY) == 0) continue;
                _ = Task.Run(() => CountAndRestAsync(container));
            }
        }
    }

    private async Task CountAndRestAsync(LiveContainer container)
    {
        Count(container, PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id));
        await Task.Delay(Rest, _node.Time);
        Follow(container);
    }

    private void Count(LiveContainer container, string cgroup)
    {
        try
        {
            if (PodCgroups.OomKills(cgroup) is var kills && container.SawOomKills(kills))
                _node.Tell(container.Sandbox.Pod.Uid, RuntimeEventKind.ProcessOomKilled, container.Id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The record could not be written: the sandbox is on its way out, or the next change writes it.
            RuntimeLog.OomKillsNotRecorded(_node.Logger, container.Sandbox.Pod.Name, container.Record.Name, container.Id.Value, e);
        }
    }
}
