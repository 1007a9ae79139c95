using System.Text;

namespace NodeAgent.Images.Layers;

/// <summary>
/// The records of a pax extended header, <c>length key=value\n</c>, with the keys that matter to a layer.
/// Later records replace earlier ones; an empty value takes the key away. Sources: POSIX pax, GNU tar's manual (sparse formats), star's manual (xattrs).
/// </summary>
internal sealed class PaxRecords
{
    private static ReadOnlySpan<byte> XattrPrefix => "SCHILY.xattr."u8;

    private readonly Dictionary<string, byte[]> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TarXattr> _xattrs = new(StringComparer.Ordinal);
    private readonly List<byte[]> _sparsePairs = [];

    /// <summary>Bytes of all that was parsed into this: the caller bounds it.</summary>
    public long Weight { get; private set; }

    public IReadOnlyCollection<TarXattr> Xattrs => _xattrs.Values;

    /// <summary>Offsets and lengths of sparse format 0.0, alternating.</summary>
    public IReadOnlyList<byte[]> SparsePairs => _sparsePairs;

    public byte[]? this[string key] => _values.GetValueOrDefault(key);

    /// <summary>Adds the records of one header. Throws <see cref="LayerException"/>.</summary>
    public void Parse(ReadOnlySpan<byte> data)
    {
        Weight += data.Length;
        while (!data.IsEmpty)
        {
            int blank = data.IndexOf((byte)' ');
            if (blank < 1 || !TarNumber.TryParseDecimal(data[..blank], out long length) || length < blank + 4 || length > data.Length)
                throw new LayerException("a pax record has no valid length");
            ReadOnlySpan<byte> record = data[(blank + 1)..(int)length];
            int equals = record.IndexOf((byte)'=');
            if (equals < 1 || record[^1] != (byte)'\n')
                throw new LayerException("a pax record is not key=value with a line end");
            Add(record[..equals], record[(equals + 1)..^1]);
            data = data[(int)length..];
        }
    }

    private void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.StartsWith(XattrPrefix))
        {
            ReadOnlySpan<byte> name = key[XattrPrefix.Length..];
            if (name.IsEmpty || name.Contains((byte)0))
                throw new LayerException("a pax record names an extended attribute without a name");
            _xattrs[Encoding.Latin1.GetString(name)] = new TarXattr(name.ToArray(), value.ToArray());
            return;
        }
        if (key.Contains((byte)0) || value.Contains((byte)0))
            throw new LayerException("a pax record has a NUL byte");
        string text = Encoding.Latin1.GetString(key);
        if (text is "GNU.sparse.offset" or "GNU.sparse.numbytes")
            _sparsePairs.Add(value.ToArray());
        else if (value.IsEmpty)
            _values.Remove(text);
        else
            _values[text] = value.ToArray();
    }

    /// <summary>The value under this key here, else in the archive's global records.</summary>
    public byte[]? Find(string key, PaxRecords global) => this[key] ?? global[key];
}
