namespace NodeAgent.Shim;

/// <summary>Numbers of the system calls the shim itself makes. A test compares them with the table in NodeAgent.Linux.</summary>
internal static class NR
{
#if ARM64
    public const int getuid = 174, waitid = 95, read = 63, write = 64, close = 57, fstat = 80, fcntl = 25, mmap = 222, munmap = 215, madvise = 233, dup3 = 24,
        pipe2 = 59, ppoll = 73, openat = 56, renameat2 = 276, unlinkat = 35, ftruncate = 46, lseek = 62, accept4 = 242,
        socketpair = 199, sendmsg = 211, recvmsg = 212, getsockopt = 209, epoll_create1 = 20, epoll_ctl = 21, epoll_pwait = 22,
        signalfd4 = 74, rt_sigaction = 134, rt_sigprocmask = 135, rt_sigtimedwait = 137, clone = 220, clone3 = 435, execve = 221,
        execveat = 281, exit = 93, exit_group = 94, wait4 = 260, getpid = 172, pidfd_open = 434, pidfd_send_signal = 424,
        setns = 268, setsid = 157, umask = 166, prctl = 167, clock_gettime = 113, close_range = 436, chdir = 49, kill = 129;

    /// <summary>Calls that arm64 does not have.</summary>
    public const int fork = -1, vfork = -1;
#else
    public const int getuid = 102, waitid = 247, read = 0, write = 1, close = 3, fstat = 5, fcntl = 72, mmap = 9, munmap = 11, madvise = 28, dup3 = 292,
        pipe2 = 293, ppoll = 271, openat = 257, renameat2 = 316, unlinkat = 263, ftruncate = 77, lseek = 8, accept4 = 288,
        socketpair = 53, sendmsg = 46, recvmsg = 47, getsockopt = 55, epoll_create1 = 291, epoll_ctl = 233, epoll_pwait = 281,
        signalfd4 = 289, rt_sigaction = 13, rt_sigprocmask = 14, rt_sigtimedwait = 128, clone = 56, clone3 = 435, fork = 57,
        vfork = 58, execve = 59, execveat = 322, exit = 60, exit_group = 231, wait4 = 61, getpid = 39, pidfd_open = 434,
        pidfd_send_signal = 424, setns = 308, setsid = 112, umask = 95, prctl = 157, clock_gettime = 228, close_range = 436,
        chdir = 80, kill = 62;
#endif
}

/// <summary>Layouts that differ between the architectures.</summary>
internal static class Machine
{
#if ARM64
    public const ushort Elf = 183;
    public const int EpollEventSize = 16, EpollDataOffset = 8;
#else
    public const ushort Elf = 62;
    public const int EpollEventSize = 12, EpollDataOffset = 4;
#endif
}

/// <summary>struct stat, whose size is at offset 48 on both. 144 bytes, the larger of the two.</summary>
internal unsafe struct FileStatus
{
    public fixed long Before[6];
    public long Size;
    public fixed long After[11];
}
