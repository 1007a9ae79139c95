using System.Globalization;

namespace NodeAgent.Cli.Client;

/// <summary>Content of an answer: in chunks, of a given length, or up to the connection's end.</summary>
internal sealed class HttpBody(Stream input, bool chunked, long? length) : Stream
{
    private long _left = chunked ? 0 : length ?? long.MaxValue;
    private bool _inChunks;
    private bool _ended;

    public override bool CanRead => true;
    public override bool CanWrite => false;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (chunked && _left == 0 && !_ended) NextChunk();
        if (_ended || _left == 0 || buffer.Length == 0) return 0;
        int read = input.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (read == 0 && (chunked || length is not null)) throw new IOException("the connection ended in the middle of an answer");
        _left -= read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void NextChunk()
    {
        if (_inChunks && HttpExchange.ReadLine(input).Length > 0) throw new IOException("a chunk that is longer than it says");
        _inChunks = true;
        string size = HttpExchange.ReadLine(input).Split(';')[0].Trim();
        if (!long.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _left) || _left < 0) throw new IOException($"a chunk of no size: {size}");
        if (_left > 0) return;
        _ended = true;
        while (HttpExchange.ReadLine(input).Length > 0)
        {
            // Trailers say nothing that is used here.
        }
    }
}
