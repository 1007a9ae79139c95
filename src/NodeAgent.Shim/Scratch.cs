namespace NodeAgent.Shim;

/// <summary>The shim's only buffers: one mapping, used within a single event and empty between events, so it can be given back at any time.</summary>
internal static unsafe class Scratch
{
    /// <summary>A line's beginning and one read.</summary>
    public const int InputBytes = ShimAbi.MaxLogLine + ReadBytes;
    public const int ReadBytes = 64 << 10;
    public const int OutputBytes = 128 << 10;
    private const int SmallBytes = 16 << 10;

    private static byte* _base;

    // The small ones come first and share pages on purpose: a request touches three of them.
    public static byte* Events => _base;                        // 32 epoll events, at most 512 bytes
    public static byte* Control => _base + 512;                 // SCM_RIGHTS of up to 250 fds: 1016 bytes
    public static int* PassedFds => (int*)(_base + 1600);       // 250 fds: 1000 bytes
    public static byte* Text => _base + 2600;                   // a record, a file name, a signal
    public static byte* Stamp => _base + 3600;                  // the time of day up to the second; NUL after being given back
    public static byte* Request => _base + 4096;
    public static byte* Reply => _base + 8192;
    public static byte* Input => _base + SmallBytes;
    public static byte* Output => _base + SmallBytes + InputBytes;

    public static bool Initialize()
    {
        _base = Memory.Map(SmallBytes + InputBytes + OutputBytes);
        return _base != null;
    }

    public static void GiveBack() => Memory.GiveBack(_base, SmallBytes + InputBytes + OutputBytes);
}
