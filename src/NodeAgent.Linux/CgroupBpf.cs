using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>One instruction of eBPF, <c>struct bpf_insn</c> of <c>linux/bpf.h</c>: 8 bytes. Registers are 0–10.</summary>
public readonly record struct BpfInsn(byte Code, byte Destination, byte Source, short Offset, int Immediate)
{
    public const byte BPF_LDX_MEM_W = 0x61;
    public const byte BPF_ALU64_MOV_K = 0xb7;
    public const byte BPF_ALU64_MOV_X = 0xbf;
    public const byte BPF_ALU64_AND_K = 0x57;
    public const byte BPF_ALU64_RSH_K = 0x77;
    public const byte BPF_JMP_JNE_K = 0x55;
    public const byte BPF_EXIT = 0x95;
}

/// <summary>Loads eBPF programs that decide for a cgroup, and attaches them. See bpf(2).</summary>
public static unsafe partial class CgroupBpf
{
    private const int BPF_PROG_LOAD = 5;
    private const int BPF_PROG_ATTACH = 8;
    private const uint BPF_PROG_TYPE_CGROUP_DEVICE = 15;
    private const uint BPF_CGROUP_DEVICE = 6;
    private const uint BPF_F_ALLOW_MULTI = 2;

    // The start of union bpf_attr as BPF_PROG_LOAD reads it; what is left out counts as zero.
    private struct bpf_attr_load
    {
        public uint prog_type;
        public uint insn_cnt;
        public ulong insns;
        public ulong license;
        public uint log_level;
        public uint log_size;
        public ulong log_buf;
    }

    private struct bpf_attr_attach
    {
        public uint target_fd;
        public uint attach_bpf_fd;
        public uint attach_type;
        public uint attach_flags;
    }

    /// <summary>
    /// Lets a program decide on every device that a process of the cgroup opens or makes, beside those of the cgroups above. It stays until the cgroup is
    /// removed. Linux 4.15; the cgroup needs no controller.
    /// </summary>
    /// <param name="cgroup">A cgroup v2 directory.</param>
    /// <returns>0, or the error number: EPERM without CAP_BPF or CAP_SYS_ADMIN, ENOSYS or EINVAL where the kernel is built without it.</returns>
    public static int AttachDeviceProgram(SafeFileHandle cgroup, IReadOnlyList<BpfInsn> program)
    {
        byte[] instructions = ToBytes(program);
        fixed (byte* insns = instructions)
        fixed (byte* license = "Apache-2.0\0"u8)
        {
            bpf_attr_load load = new()
            {
                prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                insn_cnt = (uint)program.Count,
                insns = (ulong)insns,
                license = (ulong)license,
            };
            int loaded = (int)syscall(Syscalls.bpf.Number, BPF_PROG_LOAD, &load, sizeof(bpf_attr_load));
            if (loaded < 0) return Marshal.GetLastPInvokeError();
            // The cgroup keeps the program from here on.
            using SafeFileHandle handle = new(loaded, ownsHandle: true);
            bpf_attr_attach attach = new()
            {
                target_fd = (uint)(int)cgroup.DangerousGetHandle(),
                attach_bpf_fd = (uint)loaded,
                attach_type = BPF_CGROUP_DEVICE,
                attach_flags = BPF_F_ALLOW_MULTI,
            };
            return syscall(Syscalls.bpf.Number, BPF_PROG_ATTACH, &attach, sizeof(bpf_attr_attach)) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    private static byte[] ToBytes(IReadOnlyList<BpfInsn> program)
    {
        byte[] bytes = new byte[program.Count * 8];
        for (int i = 0; i < program.Count; i++)
        {
            Span<byte> at = bytes.AsSpan(i * 8);
            at[0] = program[i].Code;
            at[1] = (byte)(program[i].Source << 4 | program[i].Destination);
            BinaryPrimitives.WriteInt16LittleEndian(at[2..], program[i].Offset);
            BinaryPrimitives.WriteInt32LittleEndian(at[4..], program[i].Immediate);
        }
        return bytes;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint command, void* attributes, nint size);
}
