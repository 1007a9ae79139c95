using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NodeAgent.Benchmarks;

/// <summary>The reading end of the FIFO into which <see cref="StampProgram"/> writes; both sides read the same CLOCK_MONOTONIC.</summary>
internal sealed class StampReader : IDisposable
{
    private const int StampSize = 16;
    private readonly FileStream _fifo;

    /// <param name="folder">The folder that containers see as /out; the FIFO is made in it.</param>
    public StampReader(string folder)
    {
        Directory.CreateDirectory(folder);
        string path = folder + "/stamp";
        if (mkfifo(path, 0x1b6) != 0)
            throw new IOException($"mkfifo {path}: errno {Marshal.GetLastPInvokeError()}");
        // Open for both directions, so that neither end ever waits for the other and no end of file comes between two containers.
        _fifo = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    /// <summary>CLOCK_MONOTONIC in nanoseconds: what Stopwatch reads on Linux.</summary>
    public static long Now => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    /// <summary>Blocks until the next container has run its first instruction; its time in nanoseconds of CLOCK_MONOTONIC.</summary>
    public long Next()
    {
        Span<byte> stamp = stackalloc byte[StampSize];
        _fifo.ReadExactly(stamp);
        return BinaryPrimitives.ReadInt64LittleEndian(stamp) * 1_000_000_000 + BinaryPrimitives.ReadInt64LittleEndian(stamp[8..]);
    }

    public void Dispose() => _fifo.Dispose();

    [DllImport("libc", SetLastError = true)]
    private static extern int mkfifo([MarshalAs(UnmanagedType.LPStr)] string path, uint mode);
}
