using System.Text;

namespace NodeAgent.UnitTests.Cli;

/// <summary>An output that a test waits on.</summary>
internal sealed class WaitingStream : Stream
{
    private readonly StringBuilder _text = new();
    private TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Text
    {
        get
        {
            lock (_text) return _text.ToString();
        }
    }

    public async Task WaitForAsync(string text, int times = 1)
    {
        while (true)
        {
            Task next;
            lock (_text)
            {
                if (_text.ToString().Split(text).Length > times) return;
                next = _written.Task;
            }
            try
            {
                await next.WaitAsync(TimeSpan.FromSeconds(20));
            }
            catch (TimeoutException error)
            {
                lock (_text) throw new TimeoutException($"waited for {text} in\n{_text}", error);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Add(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer) => Add(buffer);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Add(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private void Add(ReadOnlySpan<byte> bytes)
    {
        TaskCompletionSource written;
        lock (_text)
        {
            _text.Append(Encoding.UTF8.GetString(bytes));
            written = _written;
            _written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        written.TrySetResult();
    }
}
