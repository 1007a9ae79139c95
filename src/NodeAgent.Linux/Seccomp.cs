namespace NodeAgent.Linux;

/// <summary>Constants of seccomp(2), <c>linux/seccomp.h</c> and <c>linux/audit.h</c>.</summary>
public static class Seccomp
{
    public const uint SECCOMP_SET_MODE_FILTER = 1;

    public const uint SECCOMP_RET_KILL_PROCESS = 0x80000000;
    public const uint SECCOMP_RET_KILL_THREAD = 0x00000000;
    public const uint SECCOMP_RET_TRAP = 0x00030000;
    public const uint SECCOMP_RET_ERRNO = 0x00050000;
    public const uint SECCOMP_RET_TRACE = 0x7ff00000;
    public const uint SECCOMP_RET_LOG = 0x7ffc0000;
    public const uint SECCOMP_RET_ALLOW = 0x7fff0000;

    public const uint AUDIT_ARCH_X86_64 = 0xc000003e;
    public const uint AUDIT_ARCH_I386 = 0x40000003;
    public const uint AUDIT_ARCH_AARCH64 = 0xc00000b7;
    public const uint AUDIT_ARCH_ARM = 0x40000028;

    /// <summary>Set in the number of a system call made through the x32 interface; the architecture is x86_64's.</summary>
    public const uint X32_SYSCALL_BIT = 0x40000000;

    /// <summary>Offsets in <c>struct seccomp_data</c>, which a filter reads by <c>BPF_LD_W_ABS</c>.</summary>
    public const uint OffsetOfNumber = 0;
    public const uint OffsetOfArchitecture = 4;

    /// <summary>Offset of the low 32 bits of argument 0–5 on a little-endian machine; the high ones are 4 further.</summary>
    public static uint OffsetOfArgument(int index) => 16 + (uint)(8 * index);

    /// <summary>The action that makes the call fail with an error number.</summary>
    public static uint Errno(int errno) => SECCOMP_RET_ERRNO | (uint)errno;
}
