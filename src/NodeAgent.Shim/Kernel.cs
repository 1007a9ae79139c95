// System calls as the shim uses them: the raw call, results as the kernel gives them (-errno), no errno variable.
using System.Runtime.InteropServices;

namespace NodeAgent.Shim;

internal static unsafe partial class Kernel
{
#if ZERO
    /// <summary>The stub in the linker script.</summary>
    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long RawCall(long number, long a0, long a1, long a2, long a3, long a4, long a5);

    public static long Call(long number, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0, long a5 = 0) =>
        RawCall(number, a0, a1, a2, a3, a4, a5);
#else
    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long RawCall(long number, long a0, long a1, long a2, long a3, long a4, long a5);

    [DllImport("libc", EntryPoint = "__errno_location")]
    private static extern int* ErrnoLocation();

    public static long Call(long number, long a0 = 0, long a1 = 0, long a2 = 0, long a3 = 0, long a4 = 0, long a5 = 0)
    {
        long result = RawCall(number, a0, a1, a2, a3, a4, a5);
        return result == -1 ? -*ErrnoLocation() : result;
    }
#endif

    public static void ExitGroup(int code)
    {
        for (; ; )
            Call(NR.exit_group, code);
    }

    public static int Close(int fd) => (int)Call(NR.close, fd);

    public static long Read(int fd, void* buffer, int count) => Call(NR.read, fd, (long)buffer, count);

    public static long Write(int fd, void* buffer, long count) => Call(NR.write, fd, (long)buffer, count);

    public static int SetNonBlocking(int fd)
    {
        long flags = Call(NR.fcntl, fd, F_GETFL);
        return flags < 0 ? (int)flags : (int)Call(NR.fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    }

    /// <summary>Nanoseconds of that clock.</summary>
    public static long Now(int clock)
    {
        Timespec time;
        Call(NR.clock_gettime, clock, (long)&time);
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    /// <summary>Size of a file in bytes, or 0.</summary>
    public static ulong FileSize(int fd)
    {
        FileStatus status;
        return Call(NR.fstat, fd, (long)&status) < 0 || status.Size < 0 ? 0 : (ulong)status.Size;
    }
}

internal struct Timespec
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>struct iovec.</summary>
internal unsafe struct IoVector
{
    public void* Base;
    public ulong Length;
}

/// <summary>struct msghdr of a 64-bit kernel. 56 bytes.</summary>
internal unsafe struct MessageHeader
{
    public void* Name;
    public ulong NameLength;
    public IoVector* Vectors;
    public ulong VectorCount;
    public void* Control;
    public ulong ControlLength;
    public int Flags;
    public int Padding;
}

/// <summary>struct cmsghdr. 16 bytes, the data follows.</summary>
internal struct ControlHeader
{
    public ulong Length;
    public int Level;
    public int Type;
}

/// <summary>struct clone_args, version 2 (Linux 5.7). 88 bytes.</summary>
internal struct CloneArgs
{
    public ulong Flags;
    public ulong Pidfd;
    public ulong ChildTid;
    public ulong ParentTid;
    public ulong ExitSignal;
    public ulong Stack;
    public ulong StackSize;
    public ulong Tls;
    public ulong SetTid;
    public ulong SetTidSize;
    public ulong Cgroup;
}

/// <summary>struct sigaction as rt_sigaction(2) takes it. 32 bytes.</summary>
internal struct KernelSigaction
{
    public ulong Handler;
    public ulong Flags;
    public ulong Restorer;
    public ulong Mask;
}

/// <summary>struct ucred. 12 bytes.</summary>
internal struct PeerCredentials
{
    public int Pid;
    public uint Uid;
    public uint Gid;
}
