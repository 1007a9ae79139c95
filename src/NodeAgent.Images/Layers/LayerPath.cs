namespace NodeAgent.Images.Layers;

/// <summary>Names of entries as paths below the layer's root.</summary>
internal static class LayerPath
{
    private const int MaxComponent = 255;

    /// <summary>Longest path that the kernel takes, its ending NUL not counted.</summary>
    private const int MaxPath = 4095;

    /// <summary>
    /// The path without <c>.</c>, empty parts, a leading or a trailing slash, and with <c>..</c> resolved by the text alone, as the common
    /// unpackers do; empty for the root. A path that leads above the root is refused, not bent.
    /// Throws <see cref="LayerException"/>.
    /// </summary>
    /// <returns>The path with an ending NUL.</returns>
    public static byte[] Clean(ReadOnlySpan<byte> name)
    {
        byte[] path = new byte[name.Length + 1];
        int length = 0;
        foreach (Range range in MemoryExtensions.Split(name, (byte)'/'))
        {
            ReadOnlySpan<byte> part = name[range];
            if (part.IsEmpty || part.SequenceEqual("."u8))
                continue;
            if (part.SequenceEqual(".."u8))
            {
                if (length == 0)
                    throw new LayerException("it leads out of the layer");
                length = Math.Max(path.AsSpan(0, length).LastIndexOf((byte)'/'), 0);
                continue;
            }
            if (part.Contains((byte)0))
                throw new LayerException("its name has a NUL byte");
            if (part.Length > MaxComponent)
                throw new LayerException($"a part of its name has {part.Length} bytes; {MaxComponent} is the most");
            if (length > 0)
                path[length++] = (byte)'/';
            part.CopyTo(path.AsSpan(length));
            length += part.Length;
        }
        if (length > MaxPath)
            throw new LayerException($"its name has {length} bytes; {MaxPath} is the most");
        path[length] = 0;
        return path[..(length + 1)];
    }

    /// <summary>Splits a clean path: the parent without a NUL (empty for the root), and the last part with its NUL.</summary>
    public static ReadOnlySpan<byte> SplitLeaf(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> leaf)
    {
        int slash = path.LastIndexOf((byte)'/');
        leaf = path[(slash + 1)..];
        return slash < 0 ? default : path[..slash];
    }
}
