using System.Runtime.InteropServices;
using NodeAgent.Linux;

namespace NodeAgent.Cli;

/// <summary>
/// A file descriptor that was handed to this process, read and written with plain read(2) and write(2).
/// A FileStream would write a redirected output at a position of its own, and so over what another process writes to the same file after it.
/// </summary>
internal sealed class DescriptorStream(int descriptor, FileAccess access) : Stream
{
    public override bool CanRead => access == FileAccess.Read;
    public override bool CanWrite => access == FileAccess.Write;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        while (true)
        {
            long read = FileContent.read(descriptor, buffer);
            if (read >= 0) return (int)read;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            // A terminal whose other end has gone gives this instead of an end of file.
            if (errno == Errno.EIO) return 0;
            throw new IOException($"standard input: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    // Waiting for somebody to type must not hold up the caller.
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        await Task.Run(() => Read(buffer.Span), cancellationToken).ConfigureAwait(false);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="OutputClosedException">The reader of a pipe has gone.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            long written = FileContent.write(descriptor, buffer);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno == Errno.EPIPE) throw new OutputClosedException();
            throw new IOException($"can't write the output: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>Whoever read the output has gone: there is nobody to go on for, and nothing to say.</summary>
internal sealed class OutputClosedException : IOException;
