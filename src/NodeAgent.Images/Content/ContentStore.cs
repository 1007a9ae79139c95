using System.Buffers;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.References;
using NodeAgent.Linux;

namespace NodeAgent.Images.Content;

/// <summary>
/// Blobs by digest and the index that names images: an OCI image layout on disk, which other tools read as it is.
/// <code>
/// oci-layout, index.json     the layout; one entry of index.json per image name
/// blobs/{algorithm}/{hex}    complete and verified, always
/// ingest/                    on the way in; emptied when the store is opened
/// damaged/                   what was found to be another content than its digest says, until it came again
/// .lock                      held while the store is open
///
///   (nothing) --BeginIngest--> ingest/N --Commit: verify, fsync, rename--> blobs/… --Sweep: in no index, under no lease--> (nothing)
///                                                                          blobs/… --SetAside: rename--> damaged/…
///                                damaged/… --Commit of the same digest; Sweep: in no index, under no lease--> (nothing)
/// </code>
/// Callers: <see cref="ImageService"/> writes, the snapshotter reads layers. Invariant: whatever <c>index.json</c> reaches is in <c>blobs/</c>,
/// because blobs come first, the index after them, and both by rename. A crash leaves ingests and blobs that nobody names: opening removes them.
/// Thread-safe.
/// Source: image-spec image-layout.md.
/// </summary>
public sealed partial class ContentStore : IDisposable
{
    /// <summary>Manifests, indexes and configurations are read into memory; registries refuse manifests above 4 MiB.</summary>
    public const int MaxDocumentBytes = 8 << 20;

    private readonly string _root;
    private readonly Action<string>? _failpoint;
    private readonly StoreLock _lock;
    private readonly Lock _gate = new();
    private readonly List<ContentLease> _leases = [];
    private OciIndex _index = new();
    private long _lastIngest;
    private long _freedBytes;

    private ContentStore(string root, StoreLock storeLock, Action<string>? failpoint)
    {
        _root = root;
        _lock = storeLock;
        _failpoint = failpoint;
    }

    /// <summary>The entries of <c>index.json</c>, in order. The list never changes; a change makes another one.</summary>
    public IReadOnlyList<OciDescriptor> Index => Volatile.Read(ref _index).Manifests ?? [];

    /// <summary>
    /// Opens or creates the store. Throws <see cref="ImageException"/> when another agent has it or when its index cannot be read.
    /// </summary>
    /// <param name="failpoint">Called with a name at the points where a crash would be interesting; null outside tests.</param>
    public static ContentStore Open(string root, Action<string>? failpoint = null)
    {
        CreateFolder(root);
        StoreLock storeLock = StoreLock.Acquire(root);
        try
        {
            ContentStore store = new(root, storeLock, failpoint);
            store.Prepare();
            return store;
        }
        catch
        {
            storeLock.Dispose();
            throw;
        }
    }

    internal static ReadOnlySpan<byte> Marker => """{"imageLayoutVersion":"1.0.0"}"""u8;

    private string IngestFolder => Path.Combine(_root, "ingest");
    private string IndexPath => Path.Combine(_root, "index.json");

    private void Prepare()
    {
        CreateFolder(IngestFolder);
        CreateFolder(DamagedFolder);
        CreateFolder(Path.Combine(_root, "blobs", Digest.Sha256));
        CreateFolder(Path.Combine(_root, "blobs", Digest.Sha512));
        foreach (string leftover in Directory.EnumerateFiles(IngestFolder))
            File.Delete(leftover);

        string marker = Path.Combine(_root, "oci-layout");
        if (!File.Exists(marker))
            ReplaceFile(marker, Marker);
        if (!File.Exists(IndexPath))
            WriteIndex(new OciIndex { MediaType = MediaTypes.OciIndex, Manifests = [] });
        else
            _index = ReadIndex();
    }

    private static void CreateFolder(string path) =>
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    private OciIndex ReadIndex()
    {
        try
        {
            using FileStream file = File.OpenRead(IndexPath);
            return JsonSerializer.Deserialize(file, OciJson.Default.OciIndex) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            // Going on with an empty index would sweep every blob away.
            throw new ImageException(ImageFailure.ImageInspectError, $"image store {_root}: index.json cannot be read: {e.Message}", e);
        }
    }

    public string BlobPath(Digest digest) => Path.Combine(_root, "blobs", digest.Algorithm, digest.Hex);

    /// <summary>Size of a blob in bytes, or null when the store does not have it.</summary>
    public long? SizeOf(Digest digest)
    {
        FileInfo file = new(BlobPath(digest));
        return file.Exists ? file.Length : null;
    }

    /// <summary>Bytes of all blobs, and of those that sweeps have deleted since the store was opened.</summary>
    public (long Bytes, long FreedBytes) Usage()
    {
        lock (_gate)
            return (new DirectoryInfo(Path.Combine(_root, "blobs")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(blob => blob.Length), _freedBytes);
    }

    /// <summary>Opens a blob for reading from its start. It is verified when it came in, not here.</summary>
    public FileStream OpenRead(Digest digest) =>
        new(BlobPath(digest), new FileStreamOptions { Options = FileOptions.SequentialScan, BufferSize = 0 });

    /// <summary>
    /// A small blob, verified once more. Throws <see cref="InvalidDataException"/> when it is missing, damaged or larger than
    /// <see cref="MaxDocumentBytes"/>.
    /// </summary>
    public byte[] ReadDocument(Digest digest)
    {
        if (SizeOf(digest) is not { } size)
            throw new InvalidDataException($"blob {digest} is missing");
        if (size > MaxDocumentBytes)
            throw new InvalidDataException($"blob {digest} has {size} bytes; {MaxDocumentBytes} is the most for a document");
        byte[] data = File.ReadAllBytes(BlobPath(digest));
        Digest actual = digest.OfSameAlgorithm(data);
        return actual == digest ? data : throw new InvalidDataException($"blob {digest} is damaged: its content has digest {actual}");
    }

    public ContentLease NewLease()
    {
        ContentLease lease = new(this);
        lock (_gate)
            _leases.Add(lease);
        return lease;
    }

    /// <param name="algorithm">Of the digest that the blob is to be known by.</param>
    public ContentIngest BeginIngest(ContentLease lease, string algorithm = Digest.Sha256) =>
        new(this, lease, Path.Combine(IngestFolder, $"{Interlocked.Increment(ref _lastIngest)}"), algorithm);

    /// <summary>
    /// Takes a blob in unless it is there. Throws <see cref="InvalidDataException"/> when digest or size are not the expected ones.
    /// </summary>
    public void Ingest(Func<Stream> open, Digest expected, long expectedSize, ContentLease lease, CancellationToken cancellationToken)
    {
        if (lease.TryProtect(expected, expectedSize))
            return;
        using Stream source = open();
        using ContentIngest ingest = BeginIngest(lease, expected.Algorithm);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        try
        {
            for (int read; (read = source.Read(buffer)) > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (ingest.Length + read > expectedSize)
                    throw new InvalidDataException($"blob {expected} has more than the {expectedSize} bytes that were announced");
                ingest.Write(buffer.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        ingest.Commit(expected, expectedSize);
    }

    /// <summary>Takes a document in that was made here or is in memory already. One that is there but damaged is replaced.</summary>
    public Digest Ingest(ReadOnlySpan<byte> document, Digest? expected, ContentLease lease)
    {
        Digest digest = expected ?? Digest.OfSha256(document);
        if (lease.TryProtect(digest, document.Length) && Check(digest, CancellationToken.None).Problem is null)
            return digest;
        using ContentIngest ingest = BeginIngest(lease, digest.Algorithm);
        ingest.Write(document);
        return ingest.Commit(digest, document.Length);
    }

    /// <summary>Replaces the entries of <c>index.json</c> by what <paramref name="change"/> makes of them; one change at a time.</summary>
    public void UpdateIndex(Func<IReadOnlyList<OciDescriptor>, IReadOnlyList<OciDescriptor>> change)
    {
        lock (_gate)
            WriteIndex(_index with { SchemaVersion = 2, Manifests = change(Index) });
    }

    private void WriteIndex(OciIndex index)
    {
        ReplaceFile(IndexPath, JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.OciIndex));
        // From here on it is what the disk says, whether or not the sync succeeds.
        Volatile.Write(ref _index, index);
        SyncFolder(_root);
        Reached("Content.Index.AfterRename");
    }

    /// <summary>The digests of the blobs that there are.</summary>
    private IEnumerable<Digest> Blobs()
    {
        foreach (string algorithm in new[] { Digest.Sha256, Digest.Sha512 })
        {
            foreach (string path in Directory.EnumerateFiles(Path.Combine(_root, "blobs", algorithm)))
            {
                if (Digest.TryParse($"{algorithm}:{Path.GetFileName(path)}", out Digest digest))
                    yield return digest;
            }
        }
    }

    /// <summary>Deletes the blobs that are neither kept nor under a lease; their number is the answer.</summary>
    public int Sweep(IReadOnlySet<Digest> keep)
    {
        int deleted = 0;
        lock (_gate)
        {
            foreach (Digest digest in Blobs())
            {
                if (IsWanted(digest, keep))
                    continue;
                _freedBytes += SizeOf(digest) ?? 0;
                File.Delete(BlobPath(digest));
                deleted++;
            }
            SweepDamaged(keep);
        }
        return deleted;
    }

    /// <summary>Under the gate.</summary>
    private bool IsWanted(Digest digest, IReadOnlySet<Digest> keep) => keep.Contains(digest) || _leases.Exists(lease => lease.Digests.Contains(digest));

    internal bool TryProtect(ContentLease lease, Digest digest, long? expectedSize)
    {
        lock (_gate)
        {
            if (SizeOf(digest) is not { } size || (expectedSize is { } expected && expected != size))
                return false;
            lease.Digests.Add(digest);
            return true;
        }
    }

    internal void Publish(ContentLease lease, string ingestPath, Digest digest)
    {
        lock (_gate)
        {
            lease.Digests.Add(digest);
            File.Move(ingestPath, BlobPath(digest), overwrite: true);
            File.Delete(DamagedPath(digest));
        }
        SyncFolder(Path.Combine(_root, "blobs", digest.Algorithm));
        Reached("Content.Ingest.AfterRename");
    }

    internal void Release(ContentLease lease)
    {
        lock (_gate)
            _leases.Remove(lease);
    }

    internal void Reached(string failpoint) => _failpoint?.Invoke(failpoint);

    private void ReplaceFile(string path, ReadOnlySpan<byte> content)
    {
        string temporary = Path.Combine(IngestFolder, Path.GetFileName(path));
        try
        {
            using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }
            Reached("Content.Index.BeforeRename");
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void SyncFolder(string path)
    {
        int fd = Openat2.OpenPath(path, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC);
        try
        {
            LinuxException.Check(FileContent.fsync(fd), "fsync", path);
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }

    public void Dispose() => _lock.Dispose();
}
