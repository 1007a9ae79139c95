using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Registry;

/// <summary>
/// A blob while it arrives: one writes, any number read what is there and wait for more.
/// <code>
///   arriving --Commit: digest right, on disk--> complete        readers see the end
///            --Restart--> arriving from nothing                 readers fail: what they have read is worthless
///            --Fail--> failed                                   readers fail with the cause
/// </code>
/// The readers are threads that unpack while the rest is still on its way. Thread-safe.
/// </summary>
internal sealed class BlobDownload : IDisposable
{
    private readonly ContentIngest _ingest;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _moved = new();
    private long _available;
    private int _generation;
    private int _users = 1;
    private Exception? _failure;
    private bool _complete;

    public BlobDownload(Digest digest, long size, ContentIngest ingest)
    {
        Digest = digest;
        Size = size;
        _ingest = ingest;
        // Whoever waits sees it; a download that nobody waits for any more fails in silence.
        _ = _completed.Task.ContinueWith(task => _ = task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    public Digest Digest { get; }

    /// <summary>Bytes, as announced.</summary>
    public long Size { get; }

    /// <summary>Bytes that have arrived.</summary>
    public long Available => Interlocked.Read(ref _available);

    /// <summary>Done when the blob is verified and in its place.</summary>
    public Task Completed => _completed.Task;

    public void Write(ReadOnlySpan<byte> data)
    {
        _ingest.Write(data);
        lock (_gate)
        {
            Interlocked.Add(ref _available, data.Length);
            _moved.Set();
        }
    }

    public void Restart()
    {
        _ingest.Restart();
        lock (_gate)
        {
            Interlocked.Exchange(ref _available, 0);
            _generation++;
            _moved.Set();
        }
    }

    /// <summary>Blocks while the disk takes it. Throws <see cref="InvalidDataException"/> when digest or size are not the expected ones.</summary>
    public void Commit()
    {
        _ingest.Commit(Digest, Size);
        lock (_gate)
        {
            _complete = true;
            _moved.Set();
        }
        _completed.TrySetResult();
    }

    public void Fail(Exception cause)
    {
        lock (_gate)
        {
            _failure = cause;
            _moved.Set();
        }
        _completed.TrySetException(cause);
    }

    /// <summary>A reader keeps the bytes until it is disposed, even when everybody else has gone.</summary>
    public Stream OpenRead(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_users == 0, this);
            _users++;
            return new Reader(this, _generation, cancellationToken);
        }
    }

    /// <summary>Waits until there is something behind an offset; false at the end.</summary>
    private bool WaitBehind(long offset, int generation, CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_failure is not null)
                    throw new IOException($"its download failed: {_failure.Message}", _failure);
                if (generation != _generation)
                    throw new IOException("its download had to begin anew");
                if (_available > offset)
                    return true;
                // All bytes are there before the digest is known; a reader need not wait for that.
                if (_complete || _available >= Size)
                    return false;
                _moved.Reset();
            }
            _moved.Wait(cancellationToken);
        }
    }

    /// <summary>By the one who began it, once.</summary>
    public void Dispose() => Release();

    private void Release()
    {
        lock (_gate)
        {
            if (--_users > 0)
                return;
        }
        _ingest.Dispose();
        _moved.Dispose();
    }

    private sealed class Reader(BlobDownload download, int generation, CancellationToken cancellationToken) : ForwardStream
    {
        private long _position;
        private bool _disposed;

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty || !download.WaitBehind(_position, generation, cancellationToken))
                return 0;
            int most = (int)Math.Min(buffer.Length, download.Available - _position);
            int read = most > 0 ? download._ingest.Read(buffer[..most], _position) : 0;
            _position += read;
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_disposed)
            {
                _disposed = true;
                download.Release();
            }
            base.Dispose(disposing);
        }
    }
}
