using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace NodeAgent.Images.Archives;

/// <summary>
/// Writes a tar archive (ustar, pax for names that ustar cannot hold) of which every byte follows from names and contents: no times, no owners.
/// Use: <see cref="DirectoryAsync"/>, <see cref="FileAsync"/>, or <see cref="BeginFileAsync"/> and exactly so many bytes through <see cref="WriteAsync"/>; then
/// <see cref="EndAsync"/>. Source: POSIX pax(1).
/// </summary>
internal sealed class TarOutput(Stream output)
{
    private const int BlockSize = 512;
    private const int LongestName = 100;

    /// <summary>The most that eleven octal digits hold.</summary>
    private const long LargestOctal = 0x1FFFFFFFF;

    private static readonly byte[] Zeros = new byte[2 * BlockSize];

    private long _left;
    private int _padding;

    /// <param name="name">Ends with a slash.</param>
    public Task DirectoryAsync(string name, CancellationToken cancellationToken) => HeaderAsync((byte)'5', name, 0, 0x1ED /* 0755 */, cancellationToken);

    public async Task FileAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        await BeginFileAsync(name, content.Length, cancellationToken);
        await WriteAsync(content, cancellationToken);
    }

    public async Task BeginFileAsync(string name, long size, CancellationToken cancellationToken)
    {
        await HeaderAsync((byte)'0', name, size, 0x1A4 /* 0644 */, cancellationToken);
        _left = size;
        _padding = (int)(-size & (BlockSize - 1));
    }

    public async Task WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        if (data.Length > _left)
            throw new InvalidDataException("a file has more bytes than it had when the archive was begun");
        await output.WriteAsync(data, cancellationToken);
        _left -= data.Length;
        if (_left == 0 && _padding > 0)
        {
            await output.WriteAsync(Zeros.AsMemory(0, _padding), cancellationToken);
            _padding = 0;
        }
    }

    /// <summary>Writes the end mark.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        CheckWhole();
        await output.WriteAsync(Zeros, cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    private async Task HeaderAsync(byte type, string name, long size, uint mode, CancellationToken cancellationToken)
    {
        CheckWhole();
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > LongestName)
        {
            byte[] record = PaxPath(bytes);
            await output.WriteAsync(Header((byte)'x', "pax"u8, record.Length, 0x1A4), cancellationToken);
            await output.WriteAsync(record, cancellationToken);
            await output.WriteAsync(Zeros.AsMemory(0, -record.Length & (BlockSize - 1)), cancellationToken);
            bytes = bytes[..LongestName];
        }
        await output.WriteAsync(Header(type, bytes, size, mode), cancellationToken);
    }

    private void CheckWhole()
    {
        if (_left > 0)
            throw new InvalidDataException("a file has fewer bytes than it had when the archive was begun");
    }

    private static byte[] Header(byte type, ReadOnlySpan<byte> name, long size, uint mode)
    {
        byte[] header = new byte[BlockSize];
        name.CopyTo(header);
        Octal(header.AsSpan(100, 8), mode);
        Octal(header.AsSpan(108, 8), 0);
        Octal(header.AsSpan(116, 8), 0);
        if (size <= LargestOctal)
        {
            Octal(header.AsSpan(124, 12), size);
        }
        else
        {
            // GNU's form for larger numbers, which every reader knows.
            header[124] = 0x80;
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(128, 8), size);
        }
        Octal(header.AsSpan(136, 12), 0);
        header[156] = type;
        // Magic with its NUL, version 00.
        "ustar\0"u8.CopyTo(header.AsSpan(257));
        "00"u8.CopyTo(header.AsSpan(263));
        header.AsSpan(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte b in header)
            sum += b;
        Octal(header.AsSpan(148, 7), sum);
        return header;
    }

    /// <summary>Digits to the end of the field but one, which stays NUL.</summary>
    private static void Octal(Span<byte> field, long value)
    {
        for (int i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }
        field[^1] = 0;
    }

    /// <summary>The record's length counts its own digits.</summary>
    private static byte[] PaxPath(byte[] name)
    {
        int rest = name.Length + " path=\n".Length;
        int length = rest + 1;
        while (length != rest + length.ToString(CultureInfo.InvariantCulture).Length)
            length = rest + length.ToString(CultureInfo.InvariantCulture).Length;
        return [.. Encoding.ASCII.GetBytes($"{length} path="), .. name, (byte)'\n'];
    }
}
