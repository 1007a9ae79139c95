using System.Buffers.Binary;

namespace NodeAgent.Linux;

/// <summary>One instruction of classic BPF, <c>struct sock_filter</c> of <c>linux/filter.h</c>: 8 bytes.</summary>
/// <param name="Jt">Instructions skipped when a conditional jump's test holds, 0–255.</param>
/// <param name="Jf">Instructions skipped when it does not.</param>
public readonly record struct SockFilter(ushort Code, byte Jt, byte Jf, uint K);

/// <summary>Codes of classic BPF that a seccomp filter may use. See <c>linux/bpf_common.h</c>.</summary>
public static class Bpf
{
    public const int InstructionSize = 8;

    /// <summary>Longest program that seccomp(2) takes, in instructions.</summary>
    public const int BPF_MAXINSNS = 4096;

    public const ushort BPF_LD_W_ABS = 0x20;
    public const ushort BPF_ALU_AND_K = 0x54;
    public const ushort BPF_JMP_JA = 0x05;
    public const ushort BPF_JMP_JEQ_K = 0x15;
    public const ushort BPF_JMP_JGT_K = 0x25;
    public const ushort BPF_JMP_JGE_K = 0x35;
    public const ushort BPF_JMP_JSET_K = 0x45;
    public const ushort BPF_RET_K = 0x06;

    /// <summary>The program as the kernel reads it on a little-endian machine.</summary>
    public static byte[] ToBytes(IReadOnlyList<SockFilter> program)
    {
        byte[] bytes = new byte[program.Count * InstructionSize];
        for (int i = 0; i < program.Count; i++)
        {
            Span<byte> at = bytes.AsSpan(i * InstructionSize);
            BinaryPrimitives.WriteUInt16LittleEndian(at, program[i].Code);
            at[2] = program[i].Jt;
            at[3] = program[i].Jf;
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], program[i].K);
        }
        return bytes;
    }

    /// <exception cref="ArgumentException">The length is not a multiple of an instruction's.</exception>
    public static IReadOnlyList<SockFilter> FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % InstructionSize != 0) throw new ArgumentException($"{bytes.Length} bytes are not a whole number of instructions", nameof(bytes));
        SockFilter[] program = new SockFilter[bytes.Length / InstructionSize];
        for (int i = 0; i < program.Length; i++)
        {
            ReadOnlySpan<byte> at = bytes[(i * InstructionSize)..];
            program[i] = new SockFilter(
                BinaryPrimitives.ReadUInt16LittleEndian(at), at[2], at[3], BinaryPrimitives.ReadUInt32LittleEndian(at[4..]));
        }
        return program;
    }
}
