using System.Text;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Linux;

namespace NodeAgent.Images.Archives;

/// <summary>The files of an image archive by name, whether it is a folder or a tar file. Files can be read at the same time.</summary>
internal abstract class ArchiveFiles : IDisposable
{
    /// <summary>Opens a file by its relative path; null when there is none. Throws <see cref="InvalidDataException"/> for what is no file.</summary>
    public abstract Stream? Open(string name);

    /// <summary>A document of at most <see cref="ContentStore.MaxDocumentBytes"/>; null when there is none.</summary>
    public byte[]? Read(string name)
    {
        using Stream? file = Open(name);
        if (file is null)
            return null;
        if (file.Length > ContentStore.MaxDocumentBytes)
            throw new InvalidDataException($"{name} has {file.Length} bytes; {ContentStore.MaxDocumentBytes} is the most for a document");
        byte[] data = new byte[file.Length];
        file.ReadExactly(data);
        return data;
    }

    public virtual void Dispose()
    {
    }

    /// <summary>
    /// Opens a folder, or a tar file that may be packed with gzip or zstd. Throws <see cref="IOException"/>, <see cref="InvalidDataException"/> and
    /// <see cref="LayerException"/>.
    /// </summary>
    /// <param name="temporaryFolder">Where a packed archive is unpacked to; the file is gone when this is disposed, or the process ends.</param>
    public static ArchiveFiles Open(string path, string temporaryFolder, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
            return new FolderFiles(path);
        if (!File.Exists(path))
            throw new FileNotFoundException("no such file or folder");
        if (!IsRegular(path))
            throw new InvalidDataException("it is neither a folder nor a regular file");
        FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        try
        {
            byte[] start = new byte[Decompression.MagicLength];
            int length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            file.Position = 0;
            LayerCompression compression = Decompression.Sniff(start.AsSpan(0, length));
            return new TarFiles(compression == LayerCompression.None ? file : Unpack(file, compression, temporaryFolder, cancellationToken));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static bool IsRegular(string path) =>
        InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(path), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) == 0
        && stat.Type == InodeAttributes.S_IFREG;

    private static FileStream Unpack(FileStream packed, LayerCompression compression, string folder, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder, $"archive-{Guid.NewGuid():n}");
        FileStream unpacked = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        try
        {
            File.Delete(path);
            using Stream source = Decompression.Open(packed, compression);
            byte[] buffer = new byte[Block.Size];
            for (int read; (read = source.Read(buffer)) > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                unpacked.Write(buffer.AsSpan(0, read));
            }
            unpacked.Position = 0;
            return unpacked;
        }
        catch
        {
            unpacked.Dispose();
            throw;
        }
    }
}

internal sealed class FolderFiles(string root) : ArchiveFiles
{
    public override Stream? Open(string name)
    {
        if (name.Split('/').Contains(".."))
            throw new InvalidDataException($"'{name}' leads out of the folder");
        string path = Path.Combine(root, name.TrimStart('/'));
        return File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0) : null;
    }
}

/// <summary>An uncompressed tar file, listed once; links within it are followed by name.</summary>
internal sealed class TarFiles : ArchiveFiles
{
    private const int MaxEntries = 1 << 17;
    private const int MaxLinks = 8;

    private readonly FileStream _file;
    private readonly Dictionary<string, (long Offset, long Length)> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    public TarFiles(FileStream file)
    {
        _file = file;
        StreamTarInput input = new(file);
        TarReader reader = new(input);
        while (reader.TryReadEntry(out TarEntry? entry))
        {
            if (_files.Count + _links.Count == MaxEntries)
                throw new InvalidDataException($"it has more than {MaxEntries} entries: this is no image archive");
            string name = Clean(entry.Name);
            switch (entry.Kind)
            {
                case TarEntryKind.RegularFile when entry.Sparse is null:
                    _files[name] = (input.Position, entry.Size);
                    break;
                case TarEntryKind.HardLink:
                    _links[name] = Clean(entry.LinkName);
                    break;
                case TarEntryKind.SymbolicLink:
                    // docker save links a layer that several images share: ../{id}/layer.tar.
                    _links[name] = Clean([.. Encoding.UTF8.GetBytes((Path.GetDirectoryName(name) ?? "") + "/"), .. entry.LinkName]);
                    break;
                default:
                    break;
            }
        }
    }

    private static string Clean(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(LayerPath.Clean(name).AsSpan()[..^1]);

    public override Stream? Open(string name)
    {
        string wanted = Clean(Encoding.UTF8.GetBytes(name));
        for (int links = 0; _links.TryGetValue(wanted, out string? target); links++)
        {
            if (links == MaxLinks)
                throw new InvalidDataException($"'{name}' is a link in a circle");
            wanted = target;
        }
        return _files.TryGetValue(wanted, out (long Offset, long Length) place) ? new FileSection(_file.SafeFileHandle, place.Offset, place.Length) : null;
    }

    public override void Dispose() => _file.Dispose();
}
