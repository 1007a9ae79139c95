namespace NodeAgent.Images.Layers;

/// <summary>How a layer's archive says that something of the layers below is gone. Source: image-spec layer.md "Representing Changes".</summary>
internal static class Whiteout
{
    /// <summary>An entry with this before its name hides the name.</summary>
    public static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>An entry of this name hides everything that the layers below have in its folder. With the NUL.</summary>
    public static ReadOnlySpan<byte> Opaque => ".wh..wh..opq\0"u8;

    private static ReadOnlySpan<byte> MetadataPrefix => ".wh..wh."u8;

    /// <summary>Whether a path, with its NUL, lies in the bookkeeping folders that the aufs driver left in old layers.</summary>
    public static bool IsMetadata(ReadOnlySpan<byte> path)
    {
        if (path.IndexOf(MetadataPrefix) < 0)
            return false;
        foreach (Range part in MemoryExtensions.Split(path, (byte)'/'))
        {
            if (path[part].StartsWith(MetadataPrefix) && !path[part].SequenceEqual(Opaque))
                return true;
        }
        return false;
    }
}
