using NodeAgent.Linux;

namespace NodeAgent.Images.Layers;

/// <summary>Reads zstd frames, one after the other, up to the end of the source. Throws <see cref="InvalidDataException"/>.</summary>
internal sealed class ZstdStream(Stream source) : ForwardStream
{
    private readonly Zstd _zstd = new();
    private readonly byte[] _input = new byte[128 * 1024];
    private int _start;
    private int _end;
    private bool _withinFrame;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        bool atEnd = false;
        while (true)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = source.Read(_input);
                atEnd = _end == 0;
                if (atEnd && !_withinFrame)
                    return 0;
            }
            // Without input, too: the library may hold output back that did not fit before.
            nuint wanted = _zstd.Decompress(_input.AsSpan(_start, _end - _start), buffer, out int consumed, out int produced);
            _start += consumed;
            _withinFrame = wanted != 0;
            if (produced > 0)
                return produced;
            if (atEnd && _withinFrame)
                throw new InvalidDataException("zstd: the data ends within a frame");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _zstd.Dispose();
            source.Dispose();
        }
        base.Dispose(disposing);
    }
}
