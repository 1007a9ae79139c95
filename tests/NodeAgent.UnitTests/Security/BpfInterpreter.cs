using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.UnitTests.Security;

/// <summary>Runs a classic BPF program over <c>struct seccomp_data</c> as the kernel does, and counts the steps.</summary>
internal static class BpfInterpreter
{
    internal static (uint Action, int Steps) Run(IReadOnlyList<SockFilter> program, uint number, uint architecture, params ulong[] arguments)
    {
        uint accumulator = 0;
        int steps = 0;
        for (int at = 0; ; at++)
        {
            Assert.InRange(at, 0, program.Count - 1);
            steps++;
            SockFilter op = program[at];
            switch (op.Code)
            {
                case Bpf.BPF_LD_W_ABS:
                    accumulator = Load(op.K, number, architecture, arguments);
                    break;
                case Bpf.BPF_ALU_AND_K:
                    accumulator &= op.K;
                    break;
                case Bpf.BPF_JMP_JA:
                    at += (int)op.K;
                    break;
                case Bpf.BPF_JMP_JEQ_K:
                    at += accumulator == op.K ? op.Jt : op.Jf;
                    break;
                case Bpf.BPF_JMP_JGE_K:
                    at += accumulator >= op.K ? op.Jt : op.Jf;
                    break;
                case Bpf.BPF_RET_K:
                    return (op.K, steps);
                default:
                    Assert.Fail($"instruction {at} has code {op.Code:x}");
                    break;
            }
        }
    }

    private static uint Load(uint offset, uint number, uint architecture, ulong[] arguments) => offset switch
    {
        0 => number,
        4 => architecture,
        >= 16 and < 64 when (offset - 16) / 8 is uint index =>
            (uint)((index < arguments.Length ? arguments[index] : 0) >> (offset % 8 == 4 ? 32 : 0)),
        _ => throw new ArgumentOutOfRangeException(nameof(offset)),
    };
}
