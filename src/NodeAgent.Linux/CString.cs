using System.Text;

namespace NodeAgent.Linux;

/// <summary>Strings as the kernel takes them: bytes up to a NUL.</summary>
public static class CString
{
    /// <summary>UTF-8 with the ending NUL. Throws <see cref="ArgumentException"/> for text that has a NUL inside.</summary>
    public static byte[] Of(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("a path cannot contain a NUL character");
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    /// <summary>The same bytes with the ending NUL. Throws <see cref="ArgumentException"/> for bytes that have a NUL inside.</summary>
    public static byte[] Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Contains((byte)0))
            throw new ArgumentException("a path cannot contain a NUL character");
        byte[] terminated = new byte[bytes.Length + 1];
        bytes.CopyTo(terminated);
        return terminated;
    }

    /// <summary>Guards a raw call: a span without its NUL would let the kernel read past it.</summary>
    internal static ReadOnlySpan<byte> Checked(ReadOnlySpan<byte> path)
    {
        if (path.IsEmpty || path[^1] != 0)
            throw new ArgumentException("a path for the kernel must end with a NUL byte");
        return path;
    }
}
