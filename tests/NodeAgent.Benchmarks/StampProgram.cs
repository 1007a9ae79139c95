using System.Buffers.Binary;

namespace NodeAgent.Benchmarks;

/// <summary>
/// A static x86-64 program whose first instruction reads CLOCK_MONOTONIC and which then writes that <c>struct timespec</c> (16 bytes) to the FIFO
/// <c>/out/stamp</c>. Without an argument it exits 0, with any argument it waits for signals for ever. It has no start-up cost of its own,
/// so that what is measured is the time until a container runs and nothing else.
/// </summary>
public static class StampProgram
{
    private const ulong LoadAddress = 0x400000;
    private const int HeaderSize = 64 + 56;

    /// <summary>The whole ELF file: one loadable segment, file header and program header included.</summary>
    public static byte[] Build()
    {
        byte[] code =
        [
            0x4c, 0x8b, 0x24, 0x24,                    // mov (%rsp),%r12          argc
            0xb8, 0xe4, 0, 0, 0,                       // mov $228,%eax            clock_gettime
            0xbf, 1, 0, 0, 0,                          // mov $1,%edi              CLOCK_MONOTONIC
            0x48, 0x8d, 0x74, 0x24, 0xc0,              // lea -64(%rsp),%rsi
            0x0f, 0x05,                                // syscall
            0xb8, 2, 0, 0, 0,                          // mov $2,%eax              open
            0x48, 0x8d, 0x3d, 0x34, 0, 0, 0,           // lea path(%rip),%rdi
            0xbe, 1, 0, 0, 0,                          // mov $1,%esi              O_WRONLY
            0x31, 0xd2,                                // xor %edx,%edx
            0x0f, 0x05,                                // syscall
            0x89, 0xc7,                                // mov %eax,%edi
            0x48, 0x8d, 0x74, 0x24, 0xc0,              // lea -64(%rsp),%rsi
            0xba, 16, 0, 0, 0,                         // mov $16,%edx
            0xb8, 1, 0, 0, 0,                          // mov $1,%eax              write
            0x0f, 0x05,                                // syscall
            0x49, 0x83, 0xfc, 1,                       // cmp $1,%r12
            0x74, 9,                                   // je out
            0xb8, 34, 0, 0, 0,                         // park: mov $34,%eax       pause
            0x0f, 0x05,                                // syscall
            0xeb, 0xf7,                                // jmp park
            0x31, 0xff,                                // out: xor %edi,%edi
            0xb8, 0xe7, 0, 0, 0,                       // mov $231,%eax            exit_group
            0x0f, 0x05,                                // syscall
            .. "/out/stamp\0"u8,
        ];
        byte[] file = new byte[HeaderSize + code.Length];
        Span<byte> elf = file;
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(elf);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[16..], 2);                             // ET_EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(elf[18..], 62);                            // EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(elf[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(elf[24..], LoadAddress + HeaderSize);      // e_entry
        BinaryPrimitives.WriteUInt64LittleEndian(elf[32..], 64);                            // e_phoff
        BinaryPrimitives.WriteUInt16LittleEndian(elf[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(elf[56..], 1);
        Span<byte> segment = elf[64..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);                               // PT_LOAD
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5);                          // PF_R | PF_X
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], LoadAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], LoadAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 4096);
        code.CopyTo(elf[HeaderSize..]);
        return file;
    }
}
