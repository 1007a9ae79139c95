using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.ShimClient;

namespace NodeAgent.Runtime.Exec;

/// <summary>
/// One direction of a pipe or terminal as a stream that waits without a thread: the shims' reactor tells when to go on. Pipes rather than sockets, because
/// programs open <c>/dev/stdout</c> anew, which a socket refuses. One reader or writer at a time; synchronous calls are not offered.
/// </summary>
internal sealed class FdStream : Stream
{
    private readonly ShimReactor _reactor;
    private readonly SafeFileHandle _fd;
    private readonly bool _writes;
    private readonly CancellationTokenSource _closed = new();
    private int _disposed;

    /// <param name="fd">Owned by the stream from here on, and made non-blocking.</param>
    public FdStream(ShimReactor reactor, SafeFileHandle fd, bool writes)
    {
        _reactor = reactor;
        _fd = fd;
        _writes = writes;
        Pipes.SetNonBlocking(fd);
    }

    public override bool CanRead => !_writes;

    public override bool CanWrite => _writes;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            int got = TryRead(buffer.Span);
            if (got >= 0) return got;
            await ReadyAsync(cancellationToken);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="IOException">Nobody reads any more.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            int put = TryWrite(buffer.Span);
            if (put >= 0) buffer = buffer[put..];
            else await ReadyAsync(cancellationToken);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("use ReadAsync");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("use WriteAsync");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _closed.Cancel();
            _fd.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <returns>Bytes, 0 at the end, -1 when there is nothing yet.</returns>
    private int TryRead(Span<byte> buffer)
    {
        bool held = false;
        try
        {
            _fd.DangerousAddRef(ref held);
            long got = FileContent.read((int)_fd.DangerousGetHandle(), buffer);
            if (got >= 0) return (int)got;
        }
        finally
        {
            if (held) _fd.DangerousRelease();
        }
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.EAGAIN or Errno.EINTR => -1,
            // A terminal that no process has open any more.
            Errno.EIO => 0,
            int errno => throw new LinuxException("read", "stream", errno),
        };
    }

    private int TryWrite(ReadOnlySpan<byte> data)
    {
        bool held = false;
        try
        {
            _fd.DangerousAddRef(ref held);
            long put = FileContent.write((int)_fd.DangerousGetHandle(), data);
            if (put >= 0) return (int)put;
        }
        finally
        {
            if (held) _fd.DangerousRelease();
        }
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.EAGAIN or Errno.EINTR => -1,
            Errno.EPIPE or Errno.EIO => throw new IOException("the command does not read its input any more"),
            int errno => throw new LinuxException("write", "stream", errno),
        };
    }

    private async Task ReadyAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token);
        Readiness readiness = new(_reactor, _fd, _writes);
        try
        {
            await readiness.Task.WaitAsync(either.Token);
        }
        catch (OperationCanceledException e) when (_closed.IsCancellationRequested)
        {
            throw new ObjectDisposedException("the stream was closed while it waited", e);
        }
        finally
        {
            readiness.End();
        }
    }

    /// <summary>One wait at the reactor.</summary>
    private sealed class Readiness
    {
        private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Lock _lock = new();
        private readonly ShimReactor _reactor;
        private readonly SafeFileHandle _fd;
        private readonly long _token;
        private bool _ended;

        public Readiness(ShimReactor reactor, SafeFileHandle fd, bool write)
        {
            _reactor = reactor;
            _fd = fd;
            // The reactor may call back before it has returned the token.
            lock (_lock)
            {
                _token = reactor.Watch(fd, (_, _) =>
                {
                    End();
                    _ready.TrySetResult();
                });
                if (write) reactor.WantWritable(fd, _token, wanted: true);
            }
        }

        public Task Task => _ready.Task;

        public void End()
        {
            lock (_lock)
            {
                if (_ended) return;
                _ended = true;
                _reactor.Unwatch(_fd, _token);
            }
        }
    }
}
