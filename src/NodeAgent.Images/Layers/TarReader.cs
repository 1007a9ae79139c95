using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NodeAgent.Images.Layers;

/// <summary>
/// Reads the entries of a tar archive one after the other: v7, ustar, GNU (long names, old sparse files, base-256 numbers) and pax (local and global
/// headers, sparse formats 0.0, 0.1 and 1.0, extended attributes). Every length is checked before memory is taken for it.
/// Use: <see cref="TryReadEntry"/>, then <see cref="ReadData"/> until it gives nothing; data left over is passed by.
/// Throws <see cref="LayerException"/> for anything that is not an archive. Sources: POSIX pax(1), GNU tar manual "Basic Tar Format".
/// </summary>
public sealed class TarReader(TarInput input)
{
    private const int BlockSize = 512;

    /// <summary>Bound of one extension header and of the global records together.</summary>
    private const int MaxHeaderData = 1 << 20;

    private const int MaxExtensionsInARow = 64;

    private readonly byte[] _header = new byte[BlockSize];
    private readonly PaxRecords _global = new();
    private long _dataLeft;
    private long _paddingLeft;

    /// <summary>The data that the current entry still has; the holes of a sparse file do not count.</summary>
    public long DataLeft => _dataLeft;

    /// <summary>False at the end of the archive.</summary>
    public bool TryReadEntry([NotNullWhen(true)] out TarEntry? entry)
    {
        PaxRecords local = new();
        byte[]? longName = null;
        byte[]? longLink = null;
        for (int extensions = 0; extensions <= MaxExtensionsInARow; extensions++)
        {
            PassBy();
            if (!TryReadHeader())
            {
                entry = null;
                return extensions == 0 ? false : throw new LayerException("the archive ends after an extension header");
            }
            switch (_header[156])
            {
                case (byte)'x' or (byte)'X':
                    local = new PaxRecords();
                    local.Parse(ReadHeaderData());
                    break;
                case (byte)'g':
                    _global.Parse(ReadHeaderData());
                    if (_global.Weight > MaxHeaderData)
                        throw new LayerException("its global pax headers have more than 1 MiB");
                    extensions--;
                    break;
                case (byte)'L':
                    longName = UpToNul(ReadHeaderData());
                    break;
                case (byte)'K':
                    longLink = UpToNul(ReadHeaderData());
                    break;
                case (byte)'V':
                    BeginData(SizeField());
                    extensions--;
                    break;
                default:
                    entry = BuildEntry(local, longName, longLink);
                    return true;
            }
        }
        throw new LayerException("too many extension headers in a row");
    }

    /// <summary>The next bytes of the current entry's data, at most <paramref name="most"/>; none at its end. Valid until the next call.</summary>
    public ReadOnlySpan<byte> ReadData(int most)
    {
        if (_dataLeft == 0)
            return default;
        ReadOnlySpan<byte> piece = input.Next((int)Math.Min(most, _dataLeft));
        if (piece.IsEmpty)
            throw new LayerException("the archive ends within an entry");
        _dataLeft -= piece.Length;
        return piece;
    }

    private void PassBy()
    {
        long rest = _dataLeft + _paddingLeft;
        _dataLeft = 0;
        _paddingLeft = 0;
        if (rest > 0 && input.Skip(rest) != rest)
            throw new LayerException("the archive ends within an entry");
    }

    private void BeginData(long size)
    {
        _dataLeft = size;
        _paddingLeft = -size & (BlockSize - 1);
    }

    /// <summary>False at the end: at a block of zeros, or where the bytes stop between entries, as other readers accept.</summary>
    private bool TryReadHeader()
    {
        if (!TryReadBlock(_header))
            return false;
        if (!_header.AsSpan().ContainsAnyExcept((byte)0))
        {
            if (TryReadBlock(_header) && _header.AsSpan().ContainsAnyExcept((byte)0))
                throw new LayerException("the archive goes on after its end mark");
            return false;
        }
        CheckSum();
        return true;
    }

    private bool TryReadBlock(Span<byte> block)
    {
        int filled = 0;
        while (filled < block.Length)
        {
            ReadOnlySpan<byte> piece = input.Next(block.Length - filled);
            if (piece.IsEmpty)
                return filled == 0 ? false : throw new LayerException("the archive ends within a header");
            piece.CopyTo(block[filled..]);
            filled += piece.Length;
        }
        return true;
    }

    private void CheckSum()
    {
        // Written over the header with blanks in the field itself. Some old tars summed signed bytes.
        long unsigned = 8 * ' ';
        long signed = unsigned;
        for (int i = 0; i < BlockSize; i++)
        {
            if (i is >= 148 and < 156)
                continue;
            unsigned += _header[i];
            signed += (sbyte)_header[i];
        }
        if (!TarNumber.TryParseField(_header.AsSpan(148, 8), out long sum) || (sum != unsigned && sum != signed))
            throw new LayerException("a header's checksum is wrong: this is not a tar archive, or it is damaged");
    }

    private long SizeField() =>
        TarNumber.TryParseField(_header.AsSpan(124, 12), out long size) && size >= 0
            ? size
            : throw Broken("a size that is not one");

    private byte[] ReadHeaderData()
    {
        long size = SizeField();
        if (size > MaxHeaderData)
            throw new LayerException($"an extension header has {size} bytes; 1 MiB is the most");
        BeginData(size);
        byte[] data = new byte[size];
        for (int filled = 0; filled < data.Length;)
        {
            ReadOnlySpan<byte> piece = ReadData(data.Length - filled);
            piece.CopyTo(data.AsSpan(filled));
            filled += piece.Length;
        }
        return data;
    }

    private TarEntry BuildEntry(PaxRecords local, byte[]? longName, byte[]? longLink)
    {
        byte[] name = local["GNU.sparse.name"] ?? local["path"] ?? longName ?? HeaderName();
        try
        {
            return BuildNamed(local, name, longLink);
        }
        catch (LayerException e)
        {
            throw new LayerException($"entry '{Printable(name)}': {e.Message}", e);
        }
    }

    private TarEntry BuildNamed(PaxRecords local, byte[] name, byte[]? longLink)
    {
        byte typeFlag = _header[156];
        TarEntryKind kind = KindOf(typeFlag, name);
        long archived = Number(local, "size", _header.AsSpan(124, 12), "a size");
        if (archived < 0)
            throw Broken("a negative size");
        // Links, directories and devices have no data even if their size says otherwise; the data of GNU's dumpdir is passed by.
        BeginData(kind == TarEntryKind.RegularFile || typeFlag == (byte)'D' ? archived : 0);

        long seconds = 0;
        int nanoseconds = 0;
        if (local.Find("mtime", _global) is { } mtime)
        {
            if (!TarNumber.TryParseTime(mtime, out seconds, out nanoseconds))
                throw Broken("a modification time that is not one");
        }
        else if (!TarNumber.TryParseField(_header.AsSpan(136, 12), out seconds))
        {
            throw Broken("a modification time that is not one");
        }
        if (!TarNumber.TryParseField(_header.AsSpan(100, 8), out long mode))
            throw Broken("a mode that is not one");

        long size = kind == TarEntryKind.RegularFile ? archived : 0;
        List<SparseRun>? sparse = kind == TarEntryKind.RegularFile ? ReadSparse(local, typeFlag, ref size) : null;
        bool device = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice;
        return new TarEntry
        {
            Kind = kind,
            Name = name,
            LinkName = kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink
                ? local["linkpath"] ?? longLink ?? UpToNul(_header.AsSpan(157, 100))
                : [],
            Mode = (uint)mode & 0xFFF,
            Uid = Id(local, "uid", _header.AsSpan(108, 8)),
            Gid = Id(local, "gid", _header.AsSpan(116, 8)),
            ModifiedSeconds = seconds,
            ModifiedNanoseconds = nanoseconds,
            DeviceMajor = device ? DeviceNumber(_header.AsSpan(329, 8)) : 0,
            DeviceMinor = device ? DeviceNumber(_header.AsSpan(337, 8)) : 0,
            Size = size,
            Sparse = sparse,
            Xattrs = local.Xattrs.Count == 0 ? [.. _global.Xattrs] : [.. _global.Xattrs, .. local.Xattrs],
        };
    }

    private static TarEntryKind KindOf(byte typeFlag, ReadOnlySpan<byte> name) => typeFlag switch
    {
        // Before ustar a directory was a file whose name ends in a slash.
        0 or (byte)'0' when name.EndsWith("/"u8) => TarEntryKind.Directory,
        0 or (byte)'0' or (byte)'7' or (byte)'S' => TarEntryKind.RegularFile,
        (byte)'1' => TarEntryKind.HardLink,
        (byte)'2' => TarEntryKind.SymbolicLink,
        (byte)'3' => TarEntryKind.CharacterDevice,
        (byte)'4' => TarEntryKind.BlockDevice,
        (byte)'5' or (byte)'D' => TarEntryKind.Directory,
        (byte)'6' => TarEntryKind.Fifo,
        _ => throw new LayerException($"it is of type 0x{typeFlag:x2}, which a layer cannot have"),
    };

    private List<SparseRun>? ReadSparse(PaxRecords local, byte typeFlag, ref long size)
    {
        List<SparseRun> runs;
        if (typeFlag == (byte)'S')
        {
            runs = ReadOldSparse(out size);
        }
        else if (local["GNU.sparse.major"] is { } major && major.AsSpan().SequenceEqual("1"u8))
        {
            size = SparseSize(local["GNU.sparse.realsize"]);
            runs = SparseMap.FromData(NextDataBlock);
        }
        else if (local["GNU.sparse.map"] is { } map)
        {
            size = SparseSize(local["GNU.sparse.size"] ?? local["GNU.sparse.realsize"]);
            runs = SparseMap.FromList(map);
        }
        else if (local.SparsePairs.Count > 0)
        {
            size = SparseSize(local["GNU.sparse.size"] ?? local["GNU.sparse.realsize"]);
            runs = SparseMap.FromPairs(local.SparsePairs);
        }
        else
        {
            return null;
        }
        SparseMap.Validate(runs, size, _dataLeft);
        return runs;
    }

    private List<SparseRun> ReadOldSparse(out long size)
    {
        if (!TarNumber.TryParseField(_header.AsSpan(483, 12), out size) || size < 0)
            throw Broken("a sparse size that is not one");
        List<SparseRun> runs = [];
        SparseMap.AddOldRuns(_header.AsSpan(386, 96), runs);
        byte[] extension = new byte[BlockSize];
        for (bool more = _header[482] != 0; more; more = extension[504] != 0)
        {
            if (!TryReadBlock(extension))
                throw new LayerException("the archive ends within a sparse map");
            int before = runs.Count;
            SparseMap.AddOldRuns(extension.AsSpan(0, 504), runs);
            if (runs.Count == before)
                throw Broken("an empty piece of a sparse map");
        }
        return runs;
    }

    private byte[] NextDataBlock()
    {
        if (_dataLeft < BlockSize)
            throw new LayerException("its data ends within its sparse map");
        byte[] block = new byte[BlockSize];
        _dataLeft -= BlockSize;
        return TryReadBlock(block) ? block : throw new LayerException("the archive ends within a sparse map");
    }

    private static long SparseSize(byte[]? text) =>
        text is not null && TarNumber.TryParseDecimal(text, out long size) && size >= 0 ? size : throw Broken("a sparse size that is not one");

    private static long Number(PaxRecords local, string key, ReadOnlySpan<byte> field, string what)
    {
        bool valid = local[key] is { } text ? TarNumber.TryParseDecimal(text, out long value) : TarNumber.TryParseField(field, out value);
        return valid ? value : throw Broken($"{what} that is not one");
    }

    private uint Id(PaxRecords local, string key, ReadOnlySpan<byte> field)
    {
        bool valid = local.Find(key, _global) is { } text ? TarNumber.TryParseDecimal(text, out long value) : TarNumber.TryParseField(field, out value);
        // The highest number means "leave as it is" to chown(2).
        return valid && value is >= 0 and < uint.MaxValue ? (uint)value : throw Broken($"a {key} that is not one");
    }

    private static uint DeviceNumber(ReadOnlySpan<byte> field) =>
        TarNumber.TryParseField(field, out long value) && value is >= 0 and <= 0xFFFFF ? (uint)value : throw Broken("a device number that is not one");

    private byte[] HeaderName()
    {
        byte[] name = UpToNul(_header.AsSpan(0, 100));
        // Only ustar has a prefix; GNU keeps times there, and star ends it earlier.
        if (!_header.AsSpan(257, 6).SequenceEqual("ustar\0"u8))
            return name;
        int length = _header.AsSpan(508, 4).SequenceEqual("tar\0"u8) ? 131 : 155;
        byte[] prefix = UpToNul(_header.AsSpan(345, length));
        return prefix.Length == 0 ? name : [.. prefix, (byte)'/', .. name];
    }

    private static byte[] UpToNul(ReadOnlySpan<byte> field)
    {
        int nul = field.IndexOf((byte)0);
        return (nul < 0 ? field : field[..nul]).ToArray();
    }

    private static LayerException Broken(string what) => new($"it has {what}");

    /// <summary>A name for messages: one line, not endless.</summary>
    internal static string Printable(ReadOnlySpan<byte> name)
    {
        string text = Encoding.UTF8.GetString(name.Length > 256 ? name[..256] : name);
        return string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) + (name.Length > 256 ? "…" : "");
    }
}
