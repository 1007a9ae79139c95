using System.Runtime.InteropServices;
using NodeAgent.Linux;
using static NodeAgent.Linux.Bpf;

namespace NodeAgent.Runtime.Security;

/// <summary>
/// Compiles a policy to classic BPF. For each architecture the numbers are cut into segments of one decision and searched by a binary tree, so that a
/// call costs at most eight comparisons; segments that look at no argument are also the ones that the kernel (5.11 and later) caches per number.
/// </summary>
public static class SeccompCompiler
{
    // A first number and the code that decides for it and all numbers up to the next segment's.
    private sealed record Segment(uint First, IReadOnlyList<SockFilter> Code);

    /// <summary>For this machine's architectures.</summary>
    public static byte[] Compile(SeccompPolicy policy) => Compile(policy, RuntimeInformation.ProcessArchitecture);

    /// <returns>The array that <c>struct sock_fprog</c> points to.</returns>
    /// <exception cref="NotSupportedException">There is no table of numbers for the architecture.</exception>
    public static byte[] Compile(SeccompPolicy policy, Architecture architecture) => ToBytes(Assemble(policy, architecture));

    internal static List<SockFilter> Assemble(SeccompPolicy policy, Architecture architecture)
    {
        (uint Audit, SyscallInterface[] Interfaces)[] machines = architecture switch
        {
            Architecture.X64 =>
            [
                (Seccomp.AUDIT_ARCH_X86_64, [SyscallInterface.X86_64, SyscallInterface.X32]),
                (Seccomp.AUDIT_ARCH_I386, [SyscallInterface.I386]),
            ],
            Architecture.Arm64 =>
            [
                (Seccomp.AUDIT_ARCH_AARCH64, [SyscallInterface.Arm64]),
                (Seccomp.AUDIT_ARCH_ARM, [SyscallInterface.Arm]),
            ],
            _ => throw new NotSupportedException($"no system call numbers are known for {architecture}"),
        };

        List<SockFilter> program = [new(BPF_LD_W_ABS, 0, 0, Seccomp.OffsetOfArchitecture)];
        foreach ((uint audit, SyscallInterface[] interfaces) in machines)
        {
            List<SockFilter> body = [new(BPF_LD_W_ABS, 0, 0, Seccomp.OffsetOfNumber)];
            List<Segment> segments = [.. interfaces.SelectMany(kind => Segments(policy, kind))];
            EmitTree(body, segments, 0, segments.Count);
            program.Add(new SockFilter(BPF_JMP_JEQ_K, 1, 0, audit));
            program.Add(new SockFilter(BPF_JMP_JA, 0, 0, (uint)body.Count));
            program.AddRange(body);
        }
        program.Add(new SockFilter(BPF_RET_K, 0, 0, Seccomp.SECCOMP_RET_KILL_PROCESS));
        if (program.Count > BPF_MAXINSNS) throw new ArgumentException($"the policy takes {program.Count} instructions, the kernel takes {BPF_MAXINSNS}", nameof(policy));
        return program;
    }

    private static List<Segment> Segments(SeccompPolicy policy, SyscallInterface kind)
    {
        uint first = kind == SyscallInterface.X32 ? Seccomp.X32_SYSCALL_BIT : 0;
        SortedDictionary<uint, List<SeccompRule>> byNumber = [];
        foreach (SeccompRule rule in policy.Rules)
        {
            int number = CompatSyscalls.Find(rule.Name, kind);
            if (number < 0) continue;
            if (!byNumber.TryGetValue((uint)number, out List<SeccompRule>? rules)) byNumber.Add((uint)number, rules = []);
            rules.Add(rule);
        }

        List<Segment> segments = [];
        uint next = first;
        foreach ((uint number, List<SeccompRule> rules) in byNumber)
        {
            if (number > next) Append(segments, next, Return(policy.DefaultAction));
            Append(segments, number, Decide(rules, policy.DefaultAction));
            next = number + 1;
        }
        Append(segments, next, Return(policy.UnknownAction));
        return segments;
    }

    private static void Append(List<Segment> segments, uint first, IReadOnlyList<SockFilter> code)
    {
        if (segments.Count > 0 && segments[^1].Code.SequenceEqual(code)) return;
        segments.Add(new Segment(first, code));
    }

    private static SockFilter[] Return(uint action) => [new(BPF_RET_K, 0, 0, action)];

    private static List<SockFilter> Decide(List<SeccompRule> rules, uint defaultAction)
    {
        List<SockFilter> code = [];
        // An unconditional rule decides whatever stands beside it: a capability that opens a call wins over the test that guards it without.
        if (rules.Find(rule => rule.Conditions.Count == 0) is { } unconditional) return [.. Return(unconditional.Action)];
        foreach (SeccompRule rule in rules)
        {
            List<SockFilter> tests = [];
            for (int i = rule.Conditions.Count - 1; i >= 0; i--) PrependTest(tests, rule.Conditions[i]);
            tests.Add(new SockFilter(BPF_RET_K, 0, 0, rule.Action));
            code.AddRange(tests);
        }
        code.AddRange(Return(defaultAction));
        return code;
    }

    // Code that falls into what follows when the test holds, and jumps past it and the rule's return when not.
    private static void PrependTest(List<SockFilter> rest, SeccompCondition condition)
    {
        byte miss = checked((byte)(rest.Count + 1));
        uint offset = Seccomp.OffsetOfArgument(condition.Index);
        bool negated = condition.Operator == SeccompOperator.NotEqual;
        List<SockFilter> test = [];
        if (condition.Wide)
        {
            // A high half that differs settles the question: equality is lost, inequality won (then the low half is skipped).
            List<SockFilter> high = Load(offset + 4, condition, 32);
            List<SockFilter> low = Load(offset, condition, 0);
            byte skipLow = (byte)(low.Count + 1);
            high.Add(negated
                ? new SockFilter(BPF_JMP_JEQ_K, 0, skipLow, (uint)(condition.Value >> 32))
                : new SockFilter(BPF_JMP_JEQ_K, 0, checked((byte)(skipLow + miss)), (uint)(condition.Value >> 32)));
            test.AddRange(high);
        }
        test.AddRange(Load(offset, condition, 0));
        test.Add(negated ? new SockFilter(BPF_JMP_JEQ_K, miss, 0, (uint)condition.Value) : new SockFilter(BPF_JMP_JEQ_K, 0, miss, (uint)condition.Value));
        rest.InsertRange(0, test);
    }

    private static List<SockFilter> Load(uint offset, SeccompCondition condition, int shift)
    {
        List<SockFilter> code = [new(BPF_LD_W_ABS, 0, 0, offset)];
        if (condition.Operator == SeccompOperator.MaskedEqual) code.Add(new SockFilter(BPF_ALU_AND_K, 0, 0, (uint)(condition.Mask >> shift)));
        return code;
    }

    private static void EmitTree(List<SockFilter> into, List<Segment> segments, int from, int to)
    {
        if (to - from == 1)
        {
            into.AddRange(segments[from].Code);
            return;
        }
        int middle = (from + to) / 2;
        List<SockFilter> below = [];
        EmitTree(below, segments, from, middle);
        if (below.Count <= byte.MaxValue)
        {
            into.Add(new SockFilter(BPF_JMP_JGE_K, (byte)below.Count, 0, segments[middle].First));
        }
        else
        {
            // Conditional jumps reach 255 instructions, the unconditional one any distance.
            into.Add(new SockFilter(BPF_JMP_JGE_K, 0, 1, segments[middle].First));
            into.Add(new SockFilter(BPF_JMP_JA, 0, 0, (uint)below.Count));
        }
        into.AddRange(below);
        EmitTree(into, segments, middle, to);
    }
}
