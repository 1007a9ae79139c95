using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Runtime.Network;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;

namespace NodeAgent.Runtime.State;

/// <summary>
/// One sandbox in memory: its record, its shim while it has one, and its containers.
/// <code>
/// Creating --Ready--> Ready --Down--> NotReady --> removed
/// </code>
/// The phase moves under the pod's gate, or when the shim's end is noticed; reading needs neither.
/// </summary>
internal sealed class LiveSandbox(LivePod pod, SandboxRecord record, RecordStore store)
{
    /// <summary>The slot of the process that holds a pid namespace shared by the pod.</summary>
    public const uint PauseSlot = 1;

    private readonly Lock _lock = new();
    private SandboxRecord _record = record;
    private uint _lastSlot = PauseSlot;
    private PodNetwork? _network;

    public LivePod Pod => pod;

    public PodSandboxId Id { get; } = PodSandboxId.For(new PodUid(record.Uid), record.Attempt);

    public int Attempt { get; } = record.Attempt;

    public string Folder { get; } = store.SandboxFolder(new PodUid(record.Uid), record.Attempt);

    public SandboxRecord Record
    {
        get
        {
            lock (_lock) return _record;
        }
    }

    public bool IsReady => Record.Phase == SandboxPhase.Ready;

    public string Cgroup => Record.Cgroup;

    /// <summary>Null before the shim answers and after it is gone.</summary>
    public PodShim? Shim { get; set; }

    /// <summary>It is being taken down: the end of its shim is no news.</summary>
    public bool Stopping { get; set; }

    /// <summary>Completed when the last event of the shim has been handed out.</summary>
    public Task Watching { get; set; } = Task.CompletedTask;

    /// <summary>The pod's own pid namespace, when its containers share one.</summary>
    public int PausePid { get; set; }

    public ConcurrentDictionary<ContainerId, LiveContainer> Containers { get; } = new();

    /// <summary>Commands that run in the containers, by slot.</summary>
    public ConcurrentDictionary<uint, TaskCompletionSource<int>> Execs { get; } = new();

    /// <summary>A slot never used before in this shim, as far as anybody remembers.</summary>
    public uint NextSlot() => Interlocked.Increment(ref _lastSlot);

    public void SlotSeen(uint slot)
    {
        lock (_lock) _lastSlot = Math.Max(_lastSlot, slot);
    }

    public LiveContainer? BySlot(uint slot) => Containers.Values.FirstOrDefault(container => container.Record.Slot == slot);

    /// <summary>Writes the change and then shows it.</summary>
    public void Update(Func<SandboxRecord, SandboxRecord> change)
    {
        lock (_lock)
        {
            SandboxRecord next = change(_record);
            store.Write(next);
            _record = next;
        }
    }

    /// <summary>False when it was down already.</summary>
    public bool Down(string message)
    {
        lock (_lock)
        {
            if (_record.Phase == SandboxPhase.NotReady) return false;
            Update(sandbox => sandbox with { Phase = SandboxPhase.NotReady, Message = message });
            CloseNetwork();
            return true;
        }
    }

    /// <summary>The network that the pod's containers are in, opened once; null when the sandbox is not ready. Not to be disposed by the caller.</summary>
    public PodNetwork? Network(string proc)
    {
        lock (_lock)
        {
            if (!IsReady) return null;
            if (_network is not null) return _network;
            SafeFileHandle opened = File.OpenHandle($"{proc}/{_record.Shim.Pid}/ns/net");
            // Opened first and looked at then: if the pid still is the recorded process, the descriptor is its.
            if (_record.Shim.IsAlive(proc)) return _network = new PodNetwork(opened);
            opened.Dispose();
            return null;
        }
    }

    /// <summary>An open descriptor would keep the namespace alive.</summary>
    public void CloseNetwork()
    {
        lock (_lock)
        {
            _network?.Dispose();
            _network = null;
        }
    }

    public PodSandbox ToCri()
    {
        SandboxRecord now = Record;
        bool ready = now.Phase == SandboxPhase.Ready;
        return new PodSandbox(
            Id, new PodUid(now.Uid), now.Attempt, ready ? PodSandboxState.Ready : PodSandboxState.NotReady, now.CreatedAt,
            ready ? now.PodIPs : [], ready ? now.Shim.Pid : 0);
    }
}
