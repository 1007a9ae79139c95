using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

/// <summary>An argument of an op: a number, an address in the blob, a passed fd, or an earlier op's result.</summary>
public readonly record struct ProgramArg(SyscallArgKind Kind, ulong Value)
{
    /// <summary>The passed fd of that index, which START or RUN carries.</summary>
    public static ProgramArg PassedFd(int index) => new(SyscallArgKind.PassedFd, (ulong)index);

    public static implicit operator ProgramArg(int value) => new(SyscallArgKind.Immediate, (ulong)value);

    public static implicit operator ProgramArg(uint value) => new(SyscallArgKind.Immediate, value);

    public static implicit operator ProgramArg(long value) => new(SyscallArgKind.Immediate, (ulong)value);

    public static implicit operator ProgramArg(ulong value) => new(SyscallArgKind.Immediate, value);

    public static implicit operator ProgramArg(BlobRef blob) => new(SyscallArgKind.Blob, blob.Offset);

    public static implicit operator ProgramArg(ProgramSlot slot) => new(SyscallArgKind.Result, slot.Index);
}

/// <summary>A place in the program's blob; as an argument, its address.</summary>
public readonly record struct BlobRef(uint Offset, uint Size)
{
    /// <summary>The place <paramref name="bytes"/> further on.</summary>
    public BlobRef At(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, Size);
        return new BlobRef(Offset + (uint)bytes, Size - (uint)bytes);
    }
}

/// <summary>A result slot: as an argument, the value an earlier op left there, or that the shim put there.</summary>
public readonly record struct ProgramSlot(byte Index)
{
    public static readonly ProgramSlot Stdin = new(ShimAbi.StdinResult);
    public static readonly ProgramSlot Stdout = new(ShimAbi.StdoutResult);
    public static readonly ProgramSlot Stderr = new(ShimAbi.StderrResult);

    /// <summary>The socket on which the child reports to the shim.</summary>
    public static readonly ProgramSlot Report = new(ShimAbi.ReportResult);
}
