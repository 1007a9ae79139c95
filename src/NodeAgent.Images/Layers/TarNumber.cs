using System.Buffers.Text;

namespace NodeAgent.Images.Layers;

/// <summary>Numbers as tar headers write them.</summary>
internal static class TarNumber
{
    /// <summary>
    /// A header field: octal digits padded with blanks and NULs, or, where its first bit is set, two's complement in the bytes after it (GNU).
    /// False for anything else and for what does not fit 64 bits.
    /// </summary>
    public static bool TryParseField(ReadOnlySpan<byte> field, out long value)
    {
        if ((field[0] & 0x80) != 0)
            return TryParseBase256(field, out value);
        value = 0;
        ReadOnlySpan<byte> digits = field.Trim(" \0"u8);
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3)
                return false;
            value = (value << 3) | (long)(digit - '0');
        }
        return true;
    }

    private static bool TryParseBase256(ReadOnlySpan<byte> field, out long value)
    {
        bool negative = (field[0] & 0x40) != 0;
        byte flip = negative ? (byte)0xff : (byte)0;
        ulong magnitude = 0;
        value = 0;
        for (int i = 0; i < field.Length; i++)
        {
            byte next = (byte)(field[i] ^ flip);
            if (i == 0)
                next &= 0x7f;
            if (magnitude >> 56 != 0)
                return false;
            magnitude = (magnitude << 8) | next;
        }
        if (magnitude > long.MaxValue)
            return false;
        value = negative ? ~(long)magnitude : (long)magnitude;
        return true;
    }

    /// <summary>A decimal number that fills all of the text.</summary>
    public static bool TryParseDecimal(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out int consumed) && consumed == text.Length && text.Length > 0;

    /// <summary>A pax time: seconds with any number of decimals, cut to nanoseconds; <c>-1.5</c> is half a second after -2.</summary>
    public static bool TryParseTime(ReadOnlySpan<byte> text, out long seconds, out int nanoseconds)
    {
        nanoseconds = 0;
        int dot = text.IndexOf((byte)'.');
        ReadOnlySpan<byte> whole = dot < 0 ? text : text[..dot];
        bool negative = whole.StartsWith("-"u8);
        if (!TryParseDecimal(whole, out seconds))
            return false;
        if (dot < 0)
            return true;
        ReadOnlySpan<byte> fraction = text[(dot + 1)..];
        for (int i = 0; i < fraction.Length; i++)
        {
            if (fraction[i] is < (byte)'0' or > (byte)'9')
                return false;
        }
        for (int i = 0; i < 9; i++)
            nanoseconds = (nanoseconds * 10) + (i < fraction.Length ? fraction[i] - '0' : 0);
        if (negative && nanoseconds > 0)
        {
            if (seconds == long.MinValue)
                return false;
            seconds--;
            nanoseconds = 1_000_000_000 - nanoseconds;
        }
        return true;
    }
}
