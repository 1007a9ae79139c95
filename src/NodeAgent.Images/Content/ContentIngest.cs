using System.Security.Cryptography;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Content;

/// <summary>
/// A blob on its way in. Written to a file of its own under <c>ingest/</c>; <see cref="Commit"/> checks it and gives it its place.
/// Disposed before that, it leaves nothing. One writer; what it has written others may read meanwhile.
/// </summary>
public sealed class ContentIngest : IDisposable
{
    private readonly ContentStore _store;
    private readonly ContentLease _lease;
    private readonly string _path;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash;
    private readonly string _algorithm;
    private bool _committed;

    internal ContentIngest(ContentStore store, ContentLease lease, string path, string algorithm)
    {
        _store = store;
        _lease = lease;
        _path = path;
        _algorithm = algorithm;
        // Not locked: it stays open when it has its place among the blobs, and there others read it.
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _hash = Digest.CreateHash(algorithm);
    }

    public long Length { get; private set; }

    public void Write(ReadOnlySpan<byte> data)
    {
        _hash.AppendData(data);
        _file.Write(data);
        Length += data.Length;
    }

    /// <summary>What has been written, from an offset on; also after <see cref="Commit"/>, until this is disposed.</summary>
    /// <returns>The number of bytes, 0 at the end of what there is.</returns>
    public int Read(Span<byte> buffer, long offset) => RandomAccess.Read(_file.SafeFileHandle, buffer, offset);

    /// <summary>Forgets what was written.</summary>
    public void Restart()
    {
        _hash.GetHashAndReset();
        _file.SetLength(0);
        _file.Position = 0;
        Length = 0;
    }

    /// <summary>
    /// Verifies, syncs and publishes the blob; its digest is the answer. The lease protects it from then on.
    /// Throws <see cref="InvalidDataException"/> when digest or size are not the expected ones.
    /// </summary>
    public Digest Commit(Digest? expected, long? expectedSize)
    {
        Digest actual = Digest.FromHash(_algorithm, _hash.GetHashAndReset());
        if (expectedSize is { } size && size != Length)
            throw new InvalidDataException($"blob {expected ?? actual} has {Length} bytes, {size} were announced");
        if (expected is { } digest && digest != actual)
            throw new InvalidDataException($"blob {digest} is damaged: its content has digest {actual}");
        _store.Reached("Content.Ingest.AfterWrite");
        _file.Flush(flushToDisk: true);
        _store.Publish(_lease, _path, actual);
        _committed = true;
        return actual;
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        if (!_committed)
            File.Delete(_path);
    }
}
