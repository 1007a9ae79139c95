namespace NodeAgent.Images.Layers;

/// <summary>The bytes of an archive, handed out in pieces without copying.</summary>
public abstract class TarInput
{
    /// <summary>The next bytes, 1 to <paramref name="most"/> of them, or none at the end. Valid until the next call.</summary>
    public abstract ReadOnlySpan<byte> Next(int most);

    /// <summary>Passes over bytes; fewer than asked for only at the end of the archive.</summary>
    public virtual long Skip(long count)
    {
        long skipped = 0;
        while (skipped < count)
        {
            int piece = Next((int)Math.Min(count - skipped, 1 << 20)).Length;
            if (piece == 0)
                break;
            skipped += piece;
        }
        return skipped;
    }
}

/// <summary>An archive in a stream. Passes over data by seeking where the stream can.</summary>
public sealed class StreamTarInput(Stream stream) : TarInput
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>Bytes handed out or passed over so far.</summary>
    public long Position { get; private set; }

    public override ReadOnlySpan<byte> Next(int most)
    {
        if (_start == _end)
        {
            _start = 0;
            _end = stream.Read(_buffer);
        }
        int length = Math.Min(most, _end - _start);
        ReadOnlySpan<byte> piece = _buffer.AsSpan(_start, length);
        _start += length;
        Position += length;
        return piece;
    }

    public override long Skip(long count)
    {
        int buffered = _end - _start;
        if (!stream.CanSeek || count <= buffered)
            return base.Skip(count);
        long left = stream.Length - stream.Position;
        long beyond = Math.Min(count - buffered, left);
        stream.Seek(beyond, SeekOrigin.Current);
        _start = _end = 0;
        Position += buffered + beyond;
        return buffered + beyond;
    }
}
