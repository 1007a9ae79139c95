using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>
/// Requests and replies over one connection. Requests are sent by whoever calls, at once if the socket takes them; when it is full they queue
/// and the reactor sends them. Replies come in any order and are matched by sequence number.
/// </summary>
internal sealed class ShimCalls : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ShimReactor _reactor;
    private readonly ShimConnection _connection;
    private readonly string _name;
    private readonly Dictionary<uint, TaskCompletionSource<ShimAnswer>> _open = [];
    private readonly Queue<Queued> _queue = new();
    private readonly Channel<ShimEvent> _events = Channel.CreateUnbounded<ShimEvent>();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _buffer = new byte[ShimAbi.MaxMessage];
    private readonly long _token;
    private uint _sequence;
    private bool _closed;

    public ShimCalls(ShimReactor reactor, ShimConnection connection, string name)
    {
        _reactor = reactor;
        _connection = connection;
        _name = name;
        lock (_lock)
            _token = reactor.Watch(connection.Socket, Ready);
    }

    public ChannelReader<ShimEvent> Events => _events.Reader;

    public Task Gone => _gone.Task;

    /// <param name="body">A request struct whose header is filled in here; empty for a request that is only a header.</param>
    /// <param name="fds">Must stay open until the task has completed.</param>
    public Task<ShimAnswer> CallAsync(ShimMessageType type, byte[] body, IReadOnlyList<SafeFileHandle>? fds = null)
    {
        byte[] message = body.Length > 0 ? body : new byte[Unsafe.SizeOf<ShimHeader>()];
        TaskCompletionSource<ShimAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_closed)
                throw new ShimGoneException(_name);
            uint sequence = ++_sequence == 0 ? ++_sequence : _sequence;
            ShimHeader header = new() { Size = (uint)message.Length, Type = type, Version = ShimAbi.Version, Sequence = sequence };
            MemoryMarshal.Write(message, in header);
            Queued request = new(message, fds ?? []);
            if (_queue.Count > 0 || !TrySend(request))
            {
                _queue.Enqueue(request);
                _reactor.WantWritable(_connection.Socket, _token, wanted: true);
            }

            // Under the same lock as the reply's arrival, so it cannot come before this.
            _open.Add(sequence, answer);
        }

        return answer.Task;
    }

    public void Dispose() => Close();

    /// <summary>True when nothing is left to do: sent, or the shim is gone, which its socket's end will tell.</summary>
    private bool TrySend(Queued request) => _connection.Send(request.Message, request.Fds) != ShimTransfer.WouldBlock;

    private void Ready(long token, uint events)
    {
        try
        {
            if ((events & Epoll.EPOLLOUT) != 0)
                SendQueued();
            ReceiveAll();
        }
        catch (LinuxException)
        {
            // A socket that cannot be used is as good as gone.
            Close();
        }
    }

    private void ReceiveAll()
    {
        for (; ; )
        {
            ShimTransfer outcome;
            byte[] message;
            SafeFileHandle[] fds;
            lock (_lock)
            {
                if (_closed)
                    return;
                outcome = _connection.Receive(_buffer, out int length, out fds);
                message = outcome == ShimTransfer.Done ? _buffer[..length] : [];
            }

            if (outcome == ShimTransfer.WouldBlock)
                return;
            if (outcome == ShimTransfer.Gone)
            {
                Close();
                return;
            }

            Take(message, fds);
        }
    }

    private void SendQueued()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            while (_queue.TryPeek(out Queued request) && TrySend(request))
                _queue.Dequeue();
            if (_queue.Count == 0)
                _reactor.WantWritable(_connection.Socket, _token, wanted: false);
        }
    }

    private void Take(byte[] message, SafeFileHandle[] fds)
    {
        ShimAnswer answer = new(_name, message, fds);
        if (message.Length < Unsafe.SizeOf<ShimHeader>())
        {
            answer.Dispose();
            Close();
            return;
        }

        ShimHeader header = MemoryMarshal.Read<ShimHeader>(message);
        if (!header.Type.HasFlag(ShimMessageType.Reply))
        {
            if (Event(header.Type, answer) is { } shimEvent)
                _events.Writer.TryWrite(shimEvent);
            answer.Dispose();
            return;
        }

        TaskCompletionSource<ShimAnswer>? waiting;
        lock (_lock)
            _open.Remove(header.Sequence, out waiting);
        if (waiting is null || !waiting.TrySetResult(answer))
            answer.Dispose();
    }

    private static ShimEvent? Event(ShimMessageType type, ShimAnswer message)
    {
        switch (type)
        {
            case ShimMessageType.ExitEvent:
                ShimExitEvent exit = message.Body<ShimExitEvent>();
                return new ShimExited(exit.Slot, exit.Pid, exit.WaitStatus, ShimRecords.Time(exit.ExitedAt));
            case ShimMessageType.LogFullEvent:
                ShimLogFullEvent full = message.Body<ShimLogFullEvent>();
                return new ShimLogFull(full.Slot, full.LogBytes);
            case ShimMessageType.EventsLostEvent:
                return new ShimEventsLost();
            default:
                // A newer shim's, which this daemon has not asked for.
                return null;
        }
    }

    private void Close()
    {
        List<TaskCompletionSource<ShimAnswer>> failed;
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            _reactor.Unwatch(_connection.Socket, _token);
            _connection.Dispose();
            failed = [.. _open.Values];
            _open.Clear();
            _queue.Clear();
        }

        foreach (TaskCompletionSource<ShimAnswer> waiting in failed)
            waiting.TrySetException(new ShimGoneException(_name));
        _events.Writer.TryComplete();
        _gone.TrySetResult();
    }

    private readonly record struct Queued(byte[] Message, IReadOnlyList<SafeFileHandle> Fds);
}
