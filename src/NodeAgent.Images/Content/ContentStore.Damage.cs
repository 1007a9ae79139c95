using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using NodeAgent.Images.References;
using NodeAgent.Linux;

namespace NodeAgent.Images.Content;

/// <summary>
/// What of the store is not what it should be. A blob is accepted by its name and size wherever it is needed, so one that is known to be damaged must not keep
/// its place: it is moved to <c>damaged/</c>, and whoever needs it finds it missing and brings it anew. Moved, not deleted: memory and disks that fail also
/// make whole content read wrong, and a copy that is nearly right may be the only one. It goes when the blob has come again, or when no image wants it.
/// </summary>
public sealed partial class ContentStore
{
    private string DamagedFolder => Path.Combine(_root, "damaged");

    private string DamagedPath(Digest digest) => Path.Combine(DamagedFolder, $"{digest.Algorithm}-{digest.Hex}");

    /// <summary>The blobs that there are, largest first.</summary>
    internal List<(Digest Digest, long Size)> ListBlobs()
    {
        // One may be swept away between its name and its size.
        List<(Digest Digest, long Size)> blobs = [.. from digest in Blobs() let size = SizeOf(digest) where size is not null select (digest, size.Value)];
        blobs.Sort((a, b) => b.Size.CompareTo(a.Size) is var order and not 0 ? order : string.CompareOrdinal(a.Digest.Hex, b.Digest.Hex));
        return blobs;
    }

    /// <summary>
    /// Reads a blob and compares it with its digest; one that differs, or that cannot be read, is set aside. No lock is held while it reads.
    /// </summary>
    /// <returns>What is wrong with it, null when nothing is or when it is not there; and how many bytes were read.</returns>
    internal (string? Problem, long Bytes) Check(Digest digest, CancellationToken cancellationToken)
    {
        FileStream file;
        try
        {
            file = OpenRead(digest);
        }
        catch (FileNotFoundException)
        {
            return (null, 0);
        }
        using (file)
        {
            (string? problem, long bytes) = Compare(file, digest, cancellationToken);
            // Gone meanwhile, or replaced by a good one: then this was nobody's blob any more.
            return problem is not null && SetAside(digest, file) ? (problem, bytes) : (null, bytes);
        }
    }

    private static (string? Problem, long Bytes) Compare(FileStream file, Digest digest, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = digest.CreateHash();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        long length = 0;
        try
        {
            for (int read; (read = file.Read(buffer)) > 0; length += read)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer.AsSpan(0, read));
            }
        }
        catch (IOException e)
        {
            return ($"it cannot be read: {e.Message}", length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        Digest actual = Digest.FromHash(digest.Algorithm, hash.GetHashAndReset());
        return (actual == digest ? null : $"its content has digest {actual}", length);
    }

    /// <summary>False when the blob's place has another file than the one that was read, or none.</summary>
    private bool SetAside(Digest digest, FileStream read)
    {
        lock (_gate)
        {
            string path = BlobPath(digest);
            // The number cannot have gone to another file: the one that was read is still open.
            bool same = InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(path), InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t now) == 0
                && InodeAttributes.statx((int)read.SafeFileHandle.DangerousGetHandle(), out InodeAttributes.statx_t then) == 0
                && now.stx_ino == then.stx_ino;
            if (same)
                File.Move(path, DamagedPath(digest), overwrite: true);
            return same;
        }
    }

    /// <summary>Under the gate.</summary>
    private void SweepDamaged(IReadOnlySet<Digest> keep)
    {
        foreach (string path in Directory.EnumerateFiles(DamagedFolder))
        {
            if (!Digest.TryParse(Path.GetFileName(path).Replace('-', ':'), out Digest digest) || !IsWanted(digest, keep))
                File.Delete(path);
        }
    }

    /// <summary>
    /// Compares <c>oci-layout</c> and <c>index.json</c> with what was written last, and writes anew what differs: the agent alone writes here, and it knows.
    /// </summary>
    /// <returns>What was wrong, a line each.</returns>
    internal IReadOnlyList<string> CheckLayout()
    {
        List<string> problems = [];
        lock (_gate)
        {
            string marker = Path.Combine(_root, "oci-layout");
            if (!IsMarker(marker))
            {
                problems.Add("oci-layout does not say that this is an image layout of version 1.0.0");
                ReplaceFile(marker, Marker);
            }
            OciIndex index = Volatile.Read(ref _index);
            if (!HoldsIndex(index))
            {
                problems.Add("index.json is not what the agent wrote");
                WriteIndex(index);
            }
        }
        return problems;
    }

    private bool HoldsIndex(OciIndex index)
    {
        try
        {
            // Compared as documents: the one that was read at the start may have been written with other blanks.
            OciIndex? onDisk = JsonSerializer.Deserialize(File.ReadAllBytes(IndexPath), OciJson.Default.OciIndex);
            return onDisk is not null
                && JsonSerializer.SerializeToUtf8Bytes(onDisk, OciJson.Default.OciIndex).AsSpan().SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.OciIndex));
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return false;
        }
    }

    private static bool IsMarker(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), OciJson.Default.OciLayoutMarker)?.ImageLayoutVersion == "1.0.0";
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return false;
        }
    }
}
