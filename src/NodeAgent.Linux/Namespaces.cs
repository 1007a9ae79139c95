using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>Flags of clone3(2), unshare(2) and setns(2) that name kinds of namespaces. See namespaces(7).</summary>
public static partial class Namespaces
{
    public const ulong CLONE_NEWNS = 0x20000;
    public const ulong CLONE_NEWCGROUP = 0x2000000;
    public const ulong CLONE_NEWUTS = 0x4000000;
    public const ulong CLONE_NEWIPC = 0x8000000;
    public const ulong CLONE_NEWUSER = 0x10000000;
    public const ulong CLONE_NEWPID = 0x20000000;
    public const ulong CLONE_NEWNET = 0x40000000;

    /// <summary>
    /// Moves the calling thread, and only it, into another namespace. 0 or -1. Never on a thread of the pool: what runs there next would be in the wrong place.
    /// </summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setns(SafeFileHandle fd, int nstype);
}
