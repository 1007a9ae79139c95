using System.Runtime.InteropServices;
using NodeAgent.Linux;
using NodeAgent.Runtime.Security;
using Xunit;
using static NodeAgent.Linux.Seccomp;

namespace NodeAgent.UnitTests.Security;

public sealed class SeccompCompilerTests
{
    private static readonly uint Denied = Seccomp.Errno(Linux.Errno.EPERM);
    private static readonly uint Unknown = Seccomp.Errno(Linux.Errno.ENOSYS);

    public static TheoryData<SyscallInterface> Interfaces => [.. Enum.GetValues<SyscallInterface>()];

    [Theory]
    [MemberData(nameof(Interfaces))]
    public void Every_number_of_every_interface_is_decided_as_its_rules_say(SyscallInterface kind)
    {
        SeccompPolicy policy = DefaultSeccompPolicy.For(CapabilitySets.Default, kind is SyscallInterface.Arm64 or SyscallInterface.Arm);
        List<SockFilter> program = SeccompCompiler.Assemble(policy, MachineOf(kind));
        ILookup<int, SeccompRule> byNumber = policy.Rules.ToLookup(rule => CompatSyscalls.Find(rule.Name, kind));
        int first = kind == SyscallInterface.X32 ? (int)X32_SYSCALL_BIT : 0;
        int last = byNumber.Max(rules => rules.Key);
        Assert.True(last > first + 300);

        for (int number = first; number <= last + 3; number++)
        {
            uint expected = number > last ? Unknown : Denied;
            // Arguments of all zero bits satisfy each conditional rule of the profile but none of the guards' opposites.
            if (byNumber[number].FirstOrDefault() is { } rule) expected = rule.Action;
            Assert.Equal(expected, BpfInterpreter.Run(program, (uint)number, AuditOf(kind)).Action);
        }
    }

    [Fact]
    public void Another_architecture_kills_the_process() =>
        Assert.Equal(SECCOMP_RET_KILL_PROCESS, BpfInterpreter.Run(Program(CapabilitySets.Default), 0, 0x80000015).Action);

    [Fact]
    public void A_number_no_kernel_has_is_unknown_and_not_forbidden()
    {
        List<SockFilter> program = Program(CapabilitySets.Default);
        Assert.Equal(Unknown, BpfInterpreter.Run(program, 999, AUDIT_ARCH_X86_64).Action);
        Assert.Equal(Unknown, BpfInterpreter.Run(program, uint.MaxValue, AUDIT_ARCH_X86_64).Action);
        Assert.Equal(Unknown, BpfInterpreter.Run(program, 999, AUDIT_ARCH_I386).Action);
    }

    [Fact]
    public void A_decision_takes_few_steps_whatever_the_call()
    {
        List<SockFilter> program = Program(CapabilitySets.Default);
        int worst = Enumerable.Range(0, 470).Max(number => BpfInterpreter.Run(program, (uint)number, AUDIT_ARCH_X86_64).Steps);
        Assert.InRange(worst, 5, 24);
        Assert.InRange(program.Count, 100, 1500);
    }

    [Theory]
    [InlineData(SeccompOperator.Equal, 5UL, ulong.MaxValue, false, 5UL, true)]
    [InlineData(SeccompOperator.Equal, 5UL, ulong.MaxValue, false, 6UL, false)]
    [InlineData(SeccompOperator.Equal, 5UL, ulong.MaxValue, false, 0x1_0000_0005UL, true)]
    [InlineData(SeccompOperator.Equal, 5UL, ulong.MaxValue, true, 0x1_0000_0005UL, false)]
    [InlineData(SeccompOperator.Equal, 0x1_0000_0005UL, ulong.MaxValue, true, 0x1_0000_0005UL, true)]
    [InlineData(SeccompOperator.NotEqual, 5UL, ulong.MaxValue, false, 0x1_0000_0005UL, false)]
    [InlineData(SeccompOperator.NotEqual, 5UL, ulong.MaxValue, true, 0x1_0000_0005UL, true)]
    [InlineData(SeccompOperator.NotEqual, 5UL, ulong.MaxValue, true, 5UL, false)]
    [InlineData(SeccompOperator.NotEqual, 5UL, ulong.MaxValue, true, 6UL, true)]
    [InlineData(SeccompOperator.MaskedEqual, 0x10UL, 0xf0UL, false, 0x1fUL, true)]
    [InlineData(SeccompOperator.MaskedEqual, 0x10UL, 0xf0UL, false, 0x2fUL, false)]
    [InlineData(SeccompOperator.MaskedEqual, 0x1_0000_0000UL, 0xf_0000_0000UL, true, 0x1_0000_00ffUL, true)]
    [InlineData(SeccompOperator.MaskedEqual, 0x1_0000_0000UL, 0xf_0000_0000UL, true, 0x2_0000_00ffUL, false)]
    public void A_condition_looks_at_the_bits_it_names(SeccompOperator operation, ulong value, ulong mask, bool wide, ulong argument, bool holds)
    {
        SeccompPolicy policy = new(Denied, [new SeccompRule("getpid", SECCOMP_RET_ALLOW, [new SeccompCondition(2, operation, value, mask, wide)])]);
        List<SockFilter> program = SeccompCompiler.Assemble(policy, Architecture.X64);
        uint action = BpfInterpreter.Run(program, (uint)Syscalls.getpid.X86_64, AUDIT_ARCH_X86_64, 0, 0, argument).Action;
        Assert.Equal(holds ? SECCOMP_RET_ALLOW : Denied, action);
    }

    [Fact]
    public void All_conditions_of_a_rule_have_to_hold_and_the_next_rule_is_tried_when_one_does_not()
    {
        SeccompPolicy policy = new(Denied,
        [
            new SeccompRule("getpid", SECCOMP_RET_ALLOW, [new(0, SeccompOperator.Equal, 1, Wide: true), new(1, SeccompOperator.NotEqual, 2, Wide: true)]),
            new SeccompRule("getpid", SECCOMP_RET_LOG, [new(1, SeccompOperator.Equal, 2)]),
        ]);
        List<SockFilter> program = SeccompCompiler.Assemble(policy, Architecture.X64);
        uint Decide(ulong first, ulong second) => BpfInterpreter.Run(program, (uint)Syscalls.getpid.X86_64, AUDIT_ARCH_X86_64, first, second).Action;
        Assert.Equal(SECCOMP_RET_ALLOW, Decide(1, 3));
        Assert.Equal(SECCOMP_RET_LOG, Decide(1, 2));
        Assert.Equal(SECCOMP_RET_LOG, Decide(0, 2));
        Assert.Equal(Denied, Decide(0, 3));
    }

    [Fact]
    public void Code_longer_than_a_conditional_jump_reaches_is_searched_all_the_same()
    {
        // Every second call allowed: no two neighbours share a segment.
        Syscall[] calls = [.. Syscalls.All.Where(call => call.X86_64 >= 0 && call.X86_64 % 2 == 0)];
        SeccompPolicy policy = new(Denied, [.. calls.Select(call => new SeccompRule(call.Name, SECCOMP_RET_ALLOW, []))]);
        List<SockFilter> program = SeccompCompiler.Assemble(policy, Architecture.X64);
        HashSet<int> allowed = [.. calls.Select(call => call.X86_64)];
        for (int number = 0; number < allowed.Max(); number++)
        {
            Assert.Equal(allowed.Contains(number) ? SECCOMP_RET_ALLOW : Denied, BpfInterpreter.Run(program, (uint)number, AUDIT_ARCH_X86_64).Action);
        }
    }

    [Fact]
    public void Bytes_and_instructions_say_the_same()
    {
        List<SockFilter> program = Program(CapabilitySets.Default);
        Assert.Equal(program, Bpf.FromBytes(Bpf.ToBytes(program)));
    }

    private static List<SockFilter> Program(ulong bounding) => SeccompCompiler.Assemble(DefaultSeccompPolicy.For(bounding, arm: false), Architecture.X64);

    private static Architecture MachineOf(SyscallInterface kind) =>
        kind is SyscallInterface.Arm64 or SyscallInterface.Arm ? Architecture.Arm64 : Architecture.X64;

    private static uint AuditOf(SyscallInterface kind) => kind switch
    {
        SyscallInterface.I386 => AUDIT_ARCH_I386,
        SyscallInterface.Arm64 => AUDIT_ARCH_AARCH64,
        SyscallInterface.Arm => AUDIT_ARCH_ARM,
        _ => AUDIT_ARCH_X86_64,
    };
}
