// A pod's shim, seen from the daemon.
//
//   Connecting -- HELLO, SUBSCRIBE answered --> Connected -- the socket ends, or Dispose --> Gone
//
// In Connected any number of requests may be under way; replies are matched by sequence number. In Gone every open and every later
// request fails with ShimGoneException, Events is completed, and Gone is completed: the sandbox has died, unless we closed it.
// Callers: any thread. The reactor's thread only receives and completes tasks; continuations run on the pool.
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>A connection to the shim of one pod.</summary>
public sealed class PodShim : IDisposable
{
    private readonly ShimCalls _calls;

    private PodShim(string name, ShimCalls calls)
    {
        Name = name;
        _calls = calls;
    }

    /// <summary>For errors: the pod's uid.</summary>
    public string Name { get; }

    /// <summary>As HELLO told when the connection was made.</summary>
    public required ShimInfo Info { get; init; }

    /// <summary>What the shim says unasked, since the connection was made; completed when it is gone.</summary>
    public ChannelReader<ShimEvent> Events => _calls.Events;

    /// <summary>Completed when the shim has ended or this connection was disposed.</summary>
    public Task Gone => _calls.Gone;

    /// <summary>Null when nobody listens at the socket: the shim is dead, and <see cref="ShimRecords"/> tells what it left.</summary>
    public static async Task<PodShim?> ConnectAsync(ShimReactor reactor, string socketPath, string name, CancellationToken cancellation = default)
    {
        if (ShimConnection.Connect(socketPath) is not { } connection)
            return null;
        ShimCalls calls = new(reactor, connection, name);
        try
        {
            using ShimAnswer hello = await calls.CallAsync(ShimMessageType.Hello, []).WaitAsync(cancellation).ConfigureAwait(false);
            ShimHelloReply reply = hello.Body<ShimHelloReply>();
            ShimInfo info = new(reply.Pid, reply.Slots, ShimRecords.Time(reply.StartedAt), reply.DroppedLogRecords, reply.FailedExitRecords);
            (await calls.CallAsync(ShimMessageType.Subscribe, []).WaitAsync(cancellation).ConfigureAwait(false)).Dispose();
            return new PodShim(name, calls) { Info = info };
        }
        catch (ShimGoneException)
        {
            calls.Dispose();

            // A process that ends closes its listening socket before its connections: who can be reached is alive.
            using ShimConnection? alive = ShimConnection.Connect(socketPath);
            return alive is null ? null : throw new ShimProtocolException(name, "it hung up on us");
        }
        catch
        {
            calls.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Starts a process; completes when its execve has happened or a step has failed, which is a value and not an exception. While a step blocks
    /// (a network file system) it does not complete: <see cref="KillAsync"/> ends such a start. The slot stays until <see cref="ForgetAsync"/>.
    /// </summary>
    public async Task<ShimOutcome> StartAsync(ShimStart start)
    {
        using ShimPassedFds fds = new(start.ProgramFds);
        ShimStartRequest request = new()
        {
            Slot = start.Slot,
            Flags = start.Flags,
            CloneFlags = start.CloneFlags,
            LogLimit = start.LogLimit,
            Stdio = start.Stdio,
            ProgramFd = fds.AddProgram(start.Program, Name),
            CgroupFd = fds.Add(start.Cgroup),
            PidNamespaceFd = fds.Add(start.PidNamespace),
            LogFd = fds.Add(start.Log),
            StdinFd = fds.Add(start.Stdin),
            StdoutFd = fds.Add(start.Stdout),
            StderrFd = fds.Add(start.Stderr),
        };
        using ShimAnswer answer = await _calls.CallAsync(ShimMessageType.Start, Bytes(ref request), fds.List).ConfigureAwait(false);
        ShimStartReply reply = answer.Body<ShimStartReply>();
        return new ShimOutcome(-reply.Header.Result, reply.OpIndex, reply.Pid, reply.WaitStatus, 0, Tolerated(answer, reply.ReportedCount));
    }

    /// <summary>Plays a program in the shim itself.</summary>
    public async Task<ShimOutcome> RunAsync(SyscallProgram program, IReadOnlyList<SafeFileHandle> programFds)
    {
        using ShimPassedFds fds = new(programFds);
        ShimRunRequest request = new() { ProgramFd = fds.AddProgram(program, Name) };
        using ShimAnswer answer = await _calls.CallAsync(ShimMessageType.Run, Bytes(ref request), fds.List).ConfigureAwait(false);
        ShimRunReply reply = answer.Body<ShimRunReply>();
        return new ShimOutcome(-reply.Header.Result, reply.OpIndex, 0, 0, reply.LastResult, Tolerated(answer, reply.ReportedCount));
    }

    /// <summary>False when the process or the slot is gone.</summary>
    public async Task<bool> KillAsync(uint slot, int signal)
    {
        (int errno, _) = await TrySlotAsync(ShimMessageType.Kill, slot, (uint)signal).ConfigureAwait(false);
        return errno switch
        {
            0 => true,
            Errno.ESRCH or Errno.ENOENT => false,
            _ => throw Failure("kill", slot, errno),
        };
    }

    /// <summary>
    /// The same to all of its process group, of which it is the leader: what it has started goes with it. A shim from before there was this kills it alone.
    /// </summary>
    public async Task<bool> KillGroupAsync(uint slot, int signal)
    {
        (int errno, _) = await TrySlotAsync(ShimMessageType.Kill, slot, (uint)signal | ShimAbi.KillGroup).ConfigureAwait(false);
        return errno switch
        {
            0 => true,
            Errno.ESRCH or Errno.ENOENT => false,
            Errno.EINVAL => await KillAsync(slot, signal).ConfigureAwait(false),
            _ => throw Failure("kill", slot, errno),
        };
    }

    /// <summary>All slots that are not forgotten.</summary>
    public async Task<IReadOnlyList<ShimSlot>> ListAsync()
    {
        List<ShimSlot> slots = [];
        uint next = 0;
        do
        {
            ShimSlotRequest request = new() { Argument = next };
            using ShimAnswer answer = await _calls.CallAsync(ShimMessageType.List, Bytes(ref request)).ConfigureAwait(false);
            ShimListReply reply = answer.Body<ShimListReply>();
            foreach (ShimSlotInfo info in answer.Tail<ShimListReply, ShimSlotInfo>(reply.Count))
                slots.Add(Slot(info));
            next = reply.Next;
        }
        while (next != 0);
        return slots;
    }

    /// <summary>Descriptors of a process's own: those it has of the wanted ones.</summary>
    public async Task<ShimSlotFds> GetFdsAsync(uint slot, ShimFds wanted)
    {
        ShimSlotRequest request = new() { Slot = slot, Argument = (uint)wanted };
        using ShimAnswer answer = await _calls.CallAsync(ShimMessageType.GetFds, Bytes(ref request)).ConfigureAwait(false);
        ShimSlotReply reply = answer.Body<ShimSlotReply>();
        if (reply.Header.Result < 0)
            throw Failure("get fds", slot, -reply.Header.Result);
        ShimFds got = (ShimFds)reply.Value;
        SafeFileHandle? Next(ShimFds kind) => got.HasFlag(kind) ? answer.TakeFd() : null;
        return new ShimSlotFds(Next(ShimFds.Pidfd), Next(ShimFds.Stdin), Next(ShimFds.Terminal));
    }

    /// <summary>Swaps the log between two records; null discards from now on.</summary>
    /// <param name="limit">Bytes; 0 for none.</param>
    public Task SetLogAsync(uint slot, SafeFileHandle? log, ulong limit) => FdAsync(ShimMessageType.SetLog, slot, log, limit, "set log");

    /// <summary>Copies raw output to the write end of a pipe or socket too; what does not fit there is dropped. Returns the tee's id, null when the output has ended.</summary>
    public async Task<uint?> AddTeeAsync(uint slot, SafeFileHandle target, ShimStreams streams)
    {
        (int errno, uint id) = await TryFdAsync(ShimMessageType.AddTee, slot, target, (ulong)streams).ConfigureAwait(false);
        return errno switch
        {
            0 => id,
            Errno.EPIPE => null,
            _ => throw Failure("add tee", slot, errno),
        };
    }

    /// <summary>A tee that has ended by itself is no error.</summary>
    public async Task RemoveTeeAsync(uint slot, uint tee)
    {
        (int errno, _) = await TrySlotAsync(ShimMessageType.RemoveTee, slot, tee).ConfigureAwait(false);
        if (errno is not (0 or Errno.ENOENT))
            throw Failure("remove tee", slot, errno);
    }

    public Task CloseStdinAsync(uint slot) => SlotAsync(ShimMessageType.CloseStdin, slot, 0, "close stdin");

    /// <summary>Frees an ended slot and its records. A slot that is not there is no error.</summary>
    public async Task ForgetAsync(uint slot)
    {
        (int errno, _) = await TrySlotAsync(ShimMessageType.Forget, slot, 0).ConfigureAwait(false);
        if (errno is not (0 or Errno.ENOENT))
            throw Failure("forget", slot, errno);
    }

    /// <summary>Ends the shim: false when processes live and force is not asked for. With force they are killed; await <see cref="Gone"/> for the end.</summary>
    public async Task<bool> ShutdownAsync(bool force)
    {
        (int errno, _) = await TrySlotAsync(ShimMessageType.Shutdown, 0, force ? 1u : 0u).ConfigureAwait(false);
        return errno switch
        {
            0 => true,
            Errno.EBUSY => false,
            _ => throw Failure("shutdown", 0, errno),
        };
    }

    /// <summary>Closes the connection; the shim and its processes go on.</summary>
    public void Dispose() => _calls.Dispose();

    private static byte[] Bytes<T>(ref T request)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in request)).ToArray();

    private static ShimTolerated[] Tolerated(ShimAnswer answer, uint count)
    {
        ShimReportedError[] errors = answer.ReportedErrors(count);
        return Array.ConvertAll(errors, error => new ShimTolerated(error.OpIndex, error.Errno));
    }

    private static ShimSlot Slot(in ShimSlotInfo info) => new(
        info.Slot,
        info.Pid,
        info.State,
        info.WaitStatus,
        ShimRecords.Time(info.StartedAt),
        info.ExitedAt == 0 ? null : ShimRecords.Time(info.ExitedAt),
        info.LogBytes,
        info.DroppedRecords,
        info.DroppedTeeBytes,
        info.Tees);

    private async Task SlotAsync(ShimMessageType type, uint slot, uint argument, string what)
    {
        (int errno, _) = await TrySlotAsync(type, slot, argument).ConfigureAwait(false);
        if (errno != 0)
            throw Failure(what, slot, errno);
    }

    private async Task<(int Errno, uint Value)> TrySlotAsync(ShimMessageType type, uint slot, uint argument)
    {
        ShimSlotRequest request = new() { Slot = slot, Argument = argument };
        using ShimAnswer answer = await _calls.CallAsync(type, Bytes(ref request)).ConfigureAwait(false);
        ShimSlotReply reply = answer.Body<ShimSlotReply>();
        return (-reply.Header.Result, reply.Value);
    }

    private async Task FdAsync(ShimMessageType type, uint slot, SafeFileHandle? fd, ulong argument, string what)
    {
        (int errno, _) = await TryFdAsync(type, slot, fd, argument).ConfigureAwait(false);
        if (errno != 0)
            throw Failure(what, slot, errno);
    }

    private async Task<(int Errno, uint Value)> TryFdAsync(ShimMessageType type, uint slot, SafeFileHandle? fd, ulong argument)
    {
        ShimFdRequest request = new() { Slot = slot, Fd = fd is null ? ShimAbi.NoFd : 0, Argument = argument };
        using ShimAnswer answer = await _calls.CallAsync(type, Bytes(ref request), fd is null ? [] : [fd]).ConfigureAwait(false);
        ShimSlotReply reply = answer.Body<ShimSlotReply>();
        return (-reply.Header.Result, reply.Value);
    }

    private LinuxException Failure(string what, uint slot, int errno) => new($"shim {what}", $"{Name} slot {slot}", errno);
}
