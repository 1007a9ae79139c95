using System.IO.Compression;
using NodeAgent.Images.Content;

namespace NodeAgent.Images.Layers;

/// <summary>Finds out how data is packed by its first bytes (RFC 1952 §2.3.1, RFC 8878 §3.1) and unpacks it.</summary>
public static class Decompression
{
    /// <summary>As many bytes as <see cref="Sniff"/> wants to see.</summary>
    public const int MagicLength = 4;

    public static LayerCompression Sniff(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith<byte>([0x1f, 0x8b]))
            return LayerCompression.Gzip;
        // A zstd frame, or a skippable frame before one (0x184D2A50 to 0x184D2A5F, little-endian).
        bool zstd = start.StartsWith<byte>([0x28, 0xb5, 0x2f, 0xfd])
            || (start.Length >= 4 && (start[0] & 0xf0) == 0x50 && start[1..4].SequenceEqual<byte>([0x2a, 0x4d, 0x18]));
        return zstd ? LayerCompression.Zstd : LayerCompression.None;
    }

    /// <summary>
    /// The unpacked data of a stream that stands at its start; takes the stream over. Throws <see cref="InvalidDataException"/> where zstd is wanted
    /// and its library is missing.
    /// </summary>
    public static Stream Open(Stream source, LayerCompression compression)
    {
        try
        {
            return compression switch
            {
                LayerCompression.Gzip => new GZipStream(source, CompressionMode.Decompress),
                LayerCompression.Zstd => new ZstdStream(source),
                _ => source,
            };
        }
        catch (DllNotFoundException e)
        {
            throw new InvalidDataException("it is packed with zstd and libzstd.so.1 is not installed", e);
        }
    }
}
