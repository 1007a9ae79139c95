namespace NodeAgent.Images.Layers;

public enum TarEntryKind
{
    RegularFile,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// <summary>An extended attribute: a name, without the NUL, and a value of any bytes.</summary>
public readonly record struct TarXattr(byte[] Name, byte[] Value);

/// <summary>A run of data within a sparse file; what lies between runs reads as zeros.</summary>
public readonly record struct SparseRun(long Offset, long Length);

/// <summary>One entry of an archive with all its extension headers applied. Names are bytes without a NUL, as they stand in the archive.</summary>
public sealed record TarEntry
{
    public required TarEntryKind Kind { get; init; }
    public required byte[] Name { get; init; }
    public byte[] LinkName { get; init; } = [];

    /// <summary>The twelve permission bits.</summary>
    public uint Mode { get; init; }
    public uint Uid { get; init; }
    public uint Gid { get; init; }

    /// <summary>Seconds since 1970, negative before it.</summary>
    public long ModifiedSeconds { get; init; }

    /// <summary>0–999,999,999.</summary>
    public int ModifiedNanoseconds { get; init; }
    public uint DeviceMajor { get; init; }
    public uint DeviceMinor { get; init; }

    /// <summary>Size of the file in bytes; for a sparse file its holes count.</summary>
    public long Size { get; init; }

    /// <summary>Null for a file without holes. Ordered, not overlapping, within <see cref="Size"/>.</summary>
    public IReadOnlyList<SparseRun>? Sparse { get; init; }
    public IReadOnlyList<TarXattr> Xattrs { get; init; } = [];
}
