using System.Buffers;
using System.Collections.Concurrent;

namespace NodeAgent.Images.Layers;

/// <summary>A piece of a stream, shared by the stages that read it; the last to release it returns its memory.</summary>
internal sealed class Block
{
    public const int Size = 256 * 1024;

    // Keeps 4 MiB for the next layer; what a busy time needs beyond that goes back to the collector.
    private static readonly ArrayPool<byte> Pool = ArrayPool<byte>.Create(Size, 16);

    private byte[]? _memory = Pool.Rent(Size);
    private int _readers = 1;

    public byte[] Memory => _memory ?? throw new ObjectDisposedException(nameof(Block));
    public int Length { get; set; }
    public ReadOnlySpan<byte> Data => Memory.AsSpan(0, Length);

    /// <summary>For one more reader; before the block is handed to any.</summary>
    public void Share() => Interlocked.Increment(ref _readers);

    public void Release()
    {
        if (Interlocked.Decrement(ref _readers) == 0 && Interlocked.Exchange(ref _memory, null) is { } memory)
            Pool.Return(memory);
    }
}

/// <summary>Blocks on their way from one stage's thread to another's: bounded, so that the slowest stage sets the pace.</summary>
internal sealed class BlockQueue(CancellationToken cancellation) : IDisposable
{
    private const int Depth = 4;

    private readonly BlockingCollection<Block> _blocks = new(Depth);

    public void Add(Block block) => _blocks.Add(block, cancellation);

    public void Complete() => _blocks.CompleteAdding();

    /// <summary>Null at the end. The taker releases the block.</summary>
    public Block? Take() => _blocks.TryTake(out Block? block, Timeout.Infinite, cancellation) ? block : null;

    public void Dispose() => _blocks.Dispose();
}

/// <summary>The reading end of a queue as a stream, for decompressors.</summary>
internal sealed class BlockQueueStream(BlockQueue queue) : ForwardStream
{
    private Block? _block;
    private int _position;

    public override int Read(Span<byte> buffer)
    {
        ReadOnlySpan<byte> piece = Peek();
        int length = Math.Min(piece.Length, buffer.Length);
        piece[..length].CopyTo(buffer);
        Advance(length);
        return length;
    }

    /// <summary>What can be read without waiting for more, at least a byte; none at the end.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        while (_block is null || _position == _block.Length)
        {
            _block?.Release();
            _position = 0;
            _block = queue.Take();
            if (_block is null)
                return default;
        }
        return _block.Data[_position..];
    }

    public void Advance(int count) => _position += count;
}

/// <summary>The reading end of a queue as an archive: entries are written from the blocks themselves.</summary>
internal sealed class BlockQueueTarInput(BlockQueue queue) : TarInput
{
    private readonly BlockQueueStream _stream = new(queue);

    public override ReadOnlySpan<byte> Next(int most)
    {
        ReadOnlySpan<byte> piece = _stream.Peek();
        if (piece.Length > most)
            piece = piece[..most];
        _stream.Advance(piece.Length);
        return piece;
    }

    /// <summary>Reads up to the end of the stream, which may lie behind the archive's end mark.</summary>
    public void Drain()
    {
        while (!Next(int.MaxValue).IsEmpty)
        {
        }
    }
}
