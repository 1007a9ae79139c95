using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// Streaming decompression by the distribution's libzstd.so.1 (zstd.h, stable API). Not thread-safe.
/// Its default window limit of 128 MiB holds: a frame that asks for more is refused by the library.
/// </summary>
public sealed unsafe partial class Zstd : IDisposable
{
    private nint _stream;

    /// <summary>Throws <see cref="DllNotFoundException"/> where the library is missing.</summary>
    public Zstd()
    {
        _stream = ZSTD_createDStream();
        if (_stream == 0)
            throw new OutOfMemoryException("ZSTD_createDStream returned no stream");
    }

    /// <summary>Decompresses as much as fits.</summary>
    /// <param name="consumed">Bytes taken from <paramref name="source"/>.</param>
    /// <param name="produced">Bytes put into <paramref name="target"/>.</param>
    /// <returns>0 when a frame has just ended and everything of it is out, else a hint that more input is wanted.</returns>
    /// <exception cref="InvalidDataException">The data is not zstd; the message is the library's.</exception>
    public nuint Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int consumed, out int produced)
    {
        ObjectDisposedException.ThrowIf(_stream == 0, this);
        fixed (byte* s = source, t = target)
        {
            ZSTD_outBuffer output = new() { dst = t, size = (nuint)target.Length };
            ZSTD_inBuffer input = new() { src = s, size = (nuint)source.Length };
            nuint result = ZSTD_decompressStream(_stream, &output, &input);
            if (ZSTD_isError(result) != 0)
                throw new InvalidDataException("zstd: " + Marshal.PtrToStringUTF8(ZSTD_getErrorName(result)));
            consumed = (int)input.pos;
            produced = (int)output.pos;
            return result;
        }
    }

    public void Dispose()
    {
        if (_stream != 0)
            ZSTD_freeDStream(_stream);
        _stream = 0;
    }

    private struct ZSTD_inBuffer
    {
        public byte* src;
        public nuint size;
        public nuint pos;
    }

    private struct ZSTD_outBuffer
    {
        public byte* dst;
        public nuint size;
        public nuint pos;
    }

    private const string Library = "libzstd.so.1";

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDStream();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDStream(nint stream);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(nint stream, ZSTD_outBuffer* output, ZSTD_inBuffer* input);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial nint ZSTD_getErrorName(nuint code);
}
