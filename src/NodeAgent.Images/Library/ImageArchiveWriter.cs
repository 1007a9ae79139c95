using System.Buffers;
using System.Security.Cryptography;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Archives;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Library;

/// <summary>
/// Writes the files of a <see cref="SavePlan"/>. Every blob is digested on its way: an archive that got its end holds what its names say.
/// Use: <see cref="PrepareAsync"/>, which refuses, then <see cref="WriteAsync"/>.
/// </summary>
internal sealed class ImageArchiveWriter(ContentStore store, IReadOnlyList<SavedFile> files)
{
    private readonly Dictionary<string, long> _unpackedSizes = new(StringComparer.Ordinal);

    /// <summary>
    /// Protects the blobs with the lease and learns the sizes of unpacked layers, for a tar file tells a size before the content: packed layers are read twice.
    /// Throws <see cref="InvalidDataException"/> naming the blob that is missing or damaged.
    /// </summary>
    public async Task PrepareAsync(ContentLease lease, CancellationToken cancellationToken)
    {
        foreach (SavedFile file in files)
        {
            switch (file)
            {
                case SavedBlob blob:
                    Protect(lease, blob.Blob, blob.Size);
                    break;
                case SavedLayer saved:
                    Protect(lease, saved.Layer.Blob, saved.Layer.Size);
                    _unpackedSizes[saved.Path] = await MeasureAsync(saved.Layer, cancellationToken);
                    break;
                default:
                    break;
            }
        }
    }

    private void Protect(ContentLease lease, Digest blob, long size)
    {
        if (!lease.TryProtect(blob, size))
            throw new InvalidDataException($"blob {blob} is {(store.SizeOf(blob) is { } found ? $"{found} bytes long where {size} belong" : "missing")}");
    }

    private async Task<long> MeasureAsync(ResolvedLayer layer, CancellationToken cancellationToken)
    {
        (Stream archive, LayerCompression compression) = OpenLayer(layer);
        await using (archive)
        {
            // What is not packed has its own size, and is digested when it is written.
            return compression == LayerCompression.None
                ? layer.Size
                : await CopyAsync(archive, layer.DiffId, layer.Blob, (_, _) => ValueTask.CompletedTask, cancellationToken);
        }
    }

    public async Task WriteAsync(Stream output, CancellationToken cancellationToken)
    {
        TarOutput tar = new(output);
        foreach (SavedFile file in files)
        {
            switch (file)
            {
                case SavedDocument folder when folder.Path.EndsWith('/'):
                    await tar.DirectoryAsync(folder.Path, cancellationToken);
                    break;
                case SavedDocument document:
                    await tar.FileAsync(document.Path, document.Content, cancellationToken);
                    break;
                case SavedBlob blob:
                    await tar.BeginFileAsync(blob.Path, blob.Size, cancellationToken);
                    await using (FileStream source = store.OpenRead(blob.Blob))
                        await CopyAsync(source, blob.Blob, blob.Blob, (data, token) => new ValueTask(tar.WriteAsync(data, token)), cancellationToken);
                    break;
                case SavedLayer saved:
                    await tar.BeginFileAsync(saved.Path, _unpackedSizes[saved.Path], cancellationToken);
                    (Stream archive, _) = OpenLayer(saved.Layer);
                    await using (archive)
                        await CopyAsync(archive, saved.Layer.DiffId, saved.Layer.Blob, (data, token) => new ValueTask(tar.WriteAsync(data, token)), cancellationToken);
                    break;
                default:
                    throw new InvalidOperationException($"{file.GetType().Name} cannot be written");
            }
        }
        await tar.EndAsync(cancellationToken);
    }

    private (Stream Archive, LayerCompression Compression) OpenLayer(ResolvedLayer layer)
    {
        FileStream source = store.OpenRead(layer.Blob);
        try
        {
            byte[] start = new byte[Decompression.MagicLength];
            int length = source.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            source.Position = 0;
            LayerCompression compression = Decompression.Sniff(start.AsSpan(0, length));
            return (Decompression.Open(source, compression), compression);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <returns>Bytes copied.</returns>
    private static async Task<long> CopyAsync(
        Stream source, Digest expected, Digest blob, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = expected.CreateHash();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Block.Size);
        try
        {
            long length = 0;
            for (int read; (read = await source.ReadAsync(buffer, cancellationToken)) > 0; length += read)
            {
                hash.AppendData(buffer.AsSpan(0, read));
                await write(buffer.AsMemory(0, read), cancellationToken);
            }
            Digest actual = Digest.FromHash(expected.Algorithm, hash.GetHashAndReset());
            return actual == expected ? length : throw new InvalidDataException($"blob {blob} is damaged: it gives {actual} where {expected} belongs");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
