using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace NodeAgent.Testing.Images;

/// <summary>
/// Writes tar archives byte by byte, also those that no honest tool writes. Names and values are Latin-1: a character is a byte.
/// </summary>
public sealed class TarBuilder
{
    private const int BlockSize = 512;

    private readonly MemoryStream _archive = new();

    public TarBuilder Directory(string name, uint mode = 0x1ED, uint uid = 0, uint gid = 0, long mtime = 1) =>
        Add('5', name, mode: mode, uid: uid, gid: gid, mtime: mtime);

    public TarBuilder File(string name, string content = "", uint mode = 0x1A4, uint uid = 0, uint gid = 0, long mtime = 1) =>
        Add('0', name, data: Encoding.Latin1.GetBytes(content), mode: mode, uid: uid, gid: gid, mtime: mtime);

    public TarBuilder HardLink(string name, string target) => Add('1', name, link: target);

    public TarBuilder Symlink(string name, string target) => Add('2', name, link: target, mode: 0x1FF);

    public TarBuilder Device(char type, string name, uint major, uint minor) => Add(type, name, major: major, minor: minor);

    public TarBuilder Fifo(string name) => Add('6', name);

    /// <summary>A pax extended header for the entry that follows, or for all (<paramref name="type"/> 'g').</summary>
    public TarBuilder Pax(char type, params (string Key, string Value)[] records)
    {
        MemoryStream data = new();
        foreach ((string key, string value) in records)
            data.Write(PaxRecord(key, value));
        return Add(type, "pax", data: data.ToArray());
    }

    public static byte[] PaxRecord(string key, string value)
    {
        int body = key.Length + value.Length + 3;
        int length = body + body.ToString(CultureInfo.InvariantCulture).Length;
        if (length.ToString(CultureInfo.InvariantCulture).Length + body != length)
            length++;
        return Encoding.Latin1.GetBytes($"{length} {key}={value}\n");
    }

    /// <summary>One header with its data, filled up to whole blocks.</summary>
    /// <param name="change">Called on the header before its checksum is written.</param>
    public TarBuilder Add(
        char type, string name, string link = "", byte[]? data = null, uint mode = 0x1A4, uint uid = 0, uint gid = 0, long mtime = 1,
        uint major = 0, uint minor = 0, Action<byte[]>? change = null)
    {
        data ??= [];
        byte[] header = new byte[BlockSize];
        Text(header, 0, 100, name);
        Octal(header, 100, 8, mode);
        Octal(header, 108, 8, uid);
        Octal(header, 116, 8, gid);
        Octal(header, 124, 12, data.Length);
        Octal(header, 136, 12, mtime);
        header[156] = (byte)type;
        Text(header, 157, 100, link);
        Text(header, 257, 8, "ustar\u000000");
        Octal(header, 329, 8, major);
        Octal(header, 337, 8, minor);
        change?.Invoke(header);
        Seal(header);
        _archive.Write(header);
        return Raw(data).Raw(new byte[-data.Length & (BlockSize - 1)]);
    }

    /// <summary>Bytes as they are: data, a hand-made header, rubbish.</summary>
    public TarBuilder Raw(ReadOnlySpan<byte> bytes)
    {
        _archive.Write(bytes);
        return this;
    }

    /// <summary>The archive with its end mark.</summary>
    public byte[] Build() => [.. _archive.ToArray(), .. new byte[2 * BlockSize]];

    /// <summary>What was written so far, without an end mark.</summary>
    public byte[] BuildCut() => _archive.ToArray();

    public static void Text(byte[] header, int offset, int length, string text)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        bytes.AsSpan(0, Math.Min(length, bytes.Length)).CopyTo(header.AsSpan(offset));
    }

    public static void Octal(byte[] header, int offset, int length, long value)
    {
        if (value >= 0 && value < 1L << (3 * (length - 1)))
            Text(header, offset, length, Convert.ToString(value, 8).PadLeft(length - 1, '0'));
        else
            Base256(header, offset, length, value);
    }

    /// <summary>GNU's form for numbers that octal digits cannot hold.</summary>
    public static void Base256(byte[] header, int offset, int length, long value)
    {
        header.AsSpan(offset, length).Fill(value < 0 ? (byte)0xff : (byte)0);
        if (length >= 8)
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(offset + length - 8), value);
        header[offset] |= 0x80;
    }

    private static void Seal(byte[] header)
    {
        header.AsSpan(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte b in header)
            sum += b;
        Text(header, 148, 8, Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ");
    }
}
