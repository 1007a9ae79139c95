using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Library;

/// <summary>
/// A root filesystem in a tar file becomes the one layer of an image. It is stored as it is, packed or not, and read once: the blob is written while what is
/// in it is digested. Whether it is a tar file at all shows when it is unpacked.
/// </summary>
internal static class RootfsArchive
{
    /// <summary>
    /// Takes the archive in under the lease; blocks. Throws <see cref="InvalidDataException"/> and <see cref="IOException"/>.
    /// </summary>
    /// <returns>The layer's descriptor and its diff id.</returns>
    public static (OciDescriptor Layer, Digest DiffId) Ingest(string path, ContentStore store, ContentLease lease, CancellationToken cancellationToken)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] buffer = new byte[Block.Size];
        int length = file.ReadAtLeast(buffer, Decompression.MagicLength + 2, throwOnEndOfStream: false);
        if (length == 0)
            throw new InvalidDataException("it is empty");
        LayerCompression compression = Decompression.Sniff(buffer.AsSpan(0, length));
        if (compression == LayerCompression.None && DescribeOther(buffer.AsSpan(0, length)) is { } other)
            throw new InvalidDataException($"it is packed with {other}; unpack it first, or pack it with gzip or zstd");
        file.Position = 0;

        using ContentIngest ingest = store.BeginIngest(lease);
        using IngestingStream source = new(file, ingest);
        using System.Security.Cryptography.IncrementalHash hash = Digest.CreateHash(Digest.Sha256);
        using (Stream archive = Decompression.Open(source, compression))
        {
            for (int read; (read = archive.Read(buffer)) > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer.AsSpan(0, read));
            }
            // The blob is the whole file, with what may follow the packed data.
            while (source.Read(buffer) > 0)
                cancellationToken.ThrowIfCancellationRequested();
        }
        long size = ingest.Length;
        Digest blob = ingest.Commit(null, null);
        OciDescriptor layer = new() { MediaType = MediaTypes.LayerOf(compression), Digest = $"{blob}", Size = size };
        return (layer, Digest.FromHash(Digest.Sha256, hash.GetHashAndReset()));
    }

    private static string? DescribeOther(ReadOnlySpan<byte> start) =>
        start.StartsWith<byte>([0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) ? "xz"
        : start.StartsWith("BZh"u8) ? "bzip2"
        : null;

    /// <summary>Hands out a file's bytes and writes each into an ingest.</summary>
    private sealed class IngestingStream(FileStream file, ContentIngest ingest) : ForwardStream
    {
        public override int Read(Span<byte> buffer)
        {
            int read = file.Read(buffer);
            ingest.Write(buffer[..read]);
            return read;
        }
    }
}
