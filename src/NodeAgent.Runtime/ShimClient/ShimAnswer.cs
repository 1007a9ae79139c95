using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>A reply and the descriptors that came with it; those that nobody takes are closed.</summary>
internal sealed class ShimAnswer(string shim, byte[] message, SafeFileHandle[] fds) : IDisposable
{
    private int _taken;

    /// <summary>The reply's struct. A reply may be longer; a failed request may be answered with a shorter one, whose missing fields are 0.</summary>
    public T Body<T>()
        where T : unmanaged
    {
        if (message.Length >= Unsafe.SizeOf<T>())
            return MemoryMarshal.Read<T>(message);
        ShimHeader header = MemoryMarshal.Read<ShimHeader>(message);
        if (header.Result >= 0)
            throw new ShimProtocolException(shim, $"an answer of {message.Length} bytes to {header.Type & ~ShimMessageType.Reply}");
        byte[] padded = new byte[Unsafe.SizeOf<T>()];
        message.CopyTo(padded, 0);
        return MemoryMarshal.Read<T>(padded);
    }

    /// <summary>The items that follow the reply's struct.</summary>
    public TItem[] Tail<T, TItem>(uint count)
        where T : unmanaged
        where TItem : unmanaged => Tail<TItem>(Unsafe.SizeOf<T>(), count);

    /// <summary>Those that end a START's or RUN's reply.</summary>
    public ShimReportedError[] ReportedErrors(uint count) =>
        Tail<ShimReportedError>(message.Length - (int)count * Unsafe.SizeOf<ShimReportedError>(), count);

    public SafeFileHandle? TakeFd() => _taken < fds.Length ? fds[_taken++] : null;

    public void Dispose()
    {
        for (; _taken < fds.Length; _taken++)
            fds[_taken].Dispose();
    }

    private TItem[] Tail<TItem>(int start, uint count)
        where TItem : unmanaged
    {
        if (start < 0 || start + (long)count * Unsafe.SizeOf<TItem>() > message.Length)
            throw new ShimProtocolException(shim, $"{count} items announced in an answer of {message.Length} bytes");
        return MemoryMarshal.Cast<byte, TItem>(message.AsSpan(start))[..(int)count].ToArray();
    }
}
